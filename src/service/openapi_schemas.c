/* SPDX-License-Identifier: MIT
 *
 * What is sent and answered, as JSON Schema. Runs are described by the table of fields; the rest is
 * written out, and the contract's tests hold every answer against it.
 */
#include "service/openapi_schemas.h"

#include "base/json.h"
#include "model/run_fields.h"
#include "model/status.h"

/* How a field is seen: by who creates a run, by who updates one, or as it comes back. */
enum view { IN_NEW_RUN, IN_UPDATE, IN_ANSWER };

/* Schemas that are not made from a table; ' stands for ". */
static const struct {
    const char *name;
    const char *schema;
} written[] = {
    {"Object", "{'type':'object'}"},
    {"Error",
     "{'type':'object','required':['detail'],'properties':{'detail':{'oneOf':[{'type':'string'},"
     "{'type':'array','minItems':1,'items':{'$ref':'#/components/schemas/Fault'}}]}}}"},
    {"Fault",
     "{'type':'object','required':['loc','msg','type'],'additionalProperties':false,'properties':{"
     "'loc':{'type':'array','minItems':1,'items':{'type':['string','integer']}},"
     "'msg':{'type':'string'},'type':{'type':'string'}}}"},
    {"Health",
     "{'type':'object','required':['status','version','db_path','journal_mode','synchronous'],"
     "'properties':{'status':{'enum':['ok','error']},'detail':{'type':'string'},"
     "'version':{'type':'string'},'db_path':{'type':'string'},'journal_mode':{'type':'string'},"
     "'synchronous':{'type':'string'}}}"},
    {"Version",
     "{'type':'object','required':['name','version'],'additionalProperties':false,'properties':{"
     "'name':{'const':'telemetryd'},'version':{'type':'string'}}}"},
    {"Count", "{'type':'integer','minimum':0}"},
    {"Counts", "{'type':'object','additionalProperties':{'$ref':'#/components/schemas/Count'}}"},
    {"Metrics",
     "{'type':'object','required':['total_runs','agents','recent_24h','performance'],"
     "'properties':{'total_runs':{'$ref':'#/components/schemas/Count'},"
     "'agents':{'$ref':'#/components/schemas/Counts'},"
     "'recent_24h':{'$ref':'#/components/schemas/Count'},"
     "'statuses':{'$ref':'#/components/schemas/Counts'},"
     "'pending_exports':{'$ref':'#/components/schemas/Count'},"
     "'writes':{'$ref':'#/components/schemas/Counts'},"
     "'commits':{'type':'object','properties':{'count':{'$ref':'#/components/schemas/Count'},"
     "'failed':{'$ref':'#/components/schemas/Count'},'seconds':{'type':'number'}}},"
     "'queued_writes':{'$ref':'#/components/schemas/Count'},"
     "'store_bytes':{'$ref':'#/components/schemas/Count'},"
     "'buffer':{'$ref':'#/components/schemas/Counts'},"
     "'performance':{'type':'object','required':['db_path','journal_mode'],'properties':{"
     "'db_path':{'type':'string'},'journal_mode':{'type':'string'}}}}}"},
    {"Texts", "{'type':'array','items':{'type':'string'}}"},
    {"Metadata",
     "{'type':'object','required':['agent_names','job_types','counts','cache_hit'],"
     "'additionalProperties':false,'properties':{"
     "'agent_names':{'$ref':'#/components/schemas/Texts'},"
     "'job_types':{'$ref':'#/components/schemas/Texts'},"
     "'counts':{'$ref':'#/components/schemas/Counts'},'cache_hit':{'type':'boolean'}}}"},
    {"FieldValues",
     "{'type':'object','required':['field','values','count'],'additionalProperties':false,"
     "'properties':{'field':{'type':'string'},'values':{'$ref':'#/components/schemas/Texts'},"
     "'count':{'$ref':'#/components/schemas/Count'}}}"},
    {"Created",
     "{'type':'object','required':['status','event_id','run_id'],'additionalProperties':false,"
     "'properties':{'status':{'const':'created'},'event_id':{'type':'string'},"
     "'run_id':{'type':'string'}}}"},
    {"Duplicate",
     "{'type':'object','required':['status','event_id','message'],'additionalProperties':false,"
     "'properties':{'status':{'const':'duplicate'},'event_id':{'type':'string'},"
     "'message':{'type':'string'},'updated':{'const':true}}}"},
    {"Updated",
     "{'type':'object','required':['event_id','updated','fields_updated'],"
     "'additionalProperties':false,'properties':{'event_id':{'type':'string'},"
     "'updated':{'const':true},'fields_updated':{'$ref':'#/components/schemas/Texts'}}}"},
    {"Batch",
     "{'oneOf':[{'$ref':'#/components/schemas/BatchItems'},{'type':'object','required':['runs'],"
     "'properties':{'runs':{'$ref':'#/components/schemas/BatchItems'}}}]}"},
    {"BatchItems",
     "{'type':'array','description':'Runs, as for a single one, and updates: the fields of an "
     "update with event_id and record_type update. Each is checked by itself.',"
     "'items':{'type':'object'}}"},
    {"BatchResult",
     "{'type':'object','required':['inserted','duplicates','updated','errors','total','results'],"
     "'additionalProperties':false,'properties':{"
     "'inserted':{'$ref':'#/components/schemas/Count'},"
     "'created':{'$ref':'#/components/schemas/Count'},"
     "'duplicates':{'$ref':'#/components/schemas/Count'},"
     "'updated':{'$ref':'#/components/schemas/Count'},"
     "'total':{'$ref':'#/components/schemas/Count'},"
     "'errors':{'$ref':'#/components/schemas/Texts'},"
     "'results':{'type':'array','items':{'$ref':'#/components/schemas/ItemResult'}}}}"},
    {"ItemResult",
     "{'type':'object','required':['index','event_id','result'],'additionalProperties':false,"
     "'properties':{'index':{'$ref':'#/components/schemas/Count'},"
     "'event_id':{'type':['string','null']},'reason':{'type':'string'},"
     "'result':{'enum':['created','duplicate','updated','not_found','invalid']}}}"},
    {"Runs", "{'type':'array','items':{'$ref':'#/components/schemas/Run'}}"},
    {"Branch",
     "{'type':'object','required':['run','children'],'additionalProperties':false,'properties':{"
     "'run':{'$ref':'#/components/schemas/Run'},"
     "'children':{'type':'array','items':{'$ref':'#/components/schemas/Branch'}}}}"},
    {"Tree", "{'type':'object','required':['run','children','total','truncated'],"
             "'additionalProperties':false,'properties':{'run':{'$ref':'#/components/schemas/Run'},"
             "'children':{'type':'array','items':{'$ref':'#/components/schemas/Branch'}},"
             "'total':{'$ref':'#/components/schemas/Count'},'truncated':{'type':'boolean'}}}"},
    {"Commit",
     "{'type':'object','required':['commit_hash','commit_source'],'properties':{"
     "'commit_hash':{'type':'string','minLength':7,'maxLength':40},"
     "'commit_source':{'enum':['manual','llm','ci']},'commit_author':{'type':['string','null']},"
     "'commit_timestamp':{'type':['string','null']}}}"},
    {"CommitResult",
     "{'type':'object','required':['status','event_id','run_id','commit_hash'],"
     "'additionalProperties':false,'properties':{'status':{'const':'success'},"
     "'event_id':{'type':'string'},'run_id':{'type':'string'},'commit_hash':{'type':'string'},"
     "'children':{'$ref':'#/components/schemas/Count'}}}"},
    {"CommitUrl",
     "{'type':'object','required':['commit_url'],'additionalProperties':false,'properties':{"
     "'commit_url':{'type':['string','null']}}}"},
    {"RepoUrl",
     "{'type':'object','required':['repo_url'],'additionalProperties':false,'properties':{"
     "'repo_url':{'type':['string','null']}}}"},
};

static void put_quoted(struct strbuf *out, const char *schema)
{
    for (; *schema; schema++)
        strbuf_putc(out, *schema == '\'' ? '"' : *schema);
}

void openapi_write_schema_use(struct strbuf *out, const char *name)
{
    if (name)
        strbuf_printf(out, "{\"$ref\":\"#/components/schemas/%s\"}", name);
    else
        strbuf_puts(out, "{\"type\":\"string\"}");
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static void put_statuses(struct strbuf *out)
{
    strbuf_puts(out, "\"enum\":[");
    for (int i = 0; i < STATUS_COUNT; i++)
        strbuf_printf(out, "%s\"%s\"", i ? "," : "", statuses[i]);
    strbuf_putc(out, ']');
}

/* Append what a field may be when it is sent. */
static void put_sent(struct strbuf *out, const struct run_field *field)
{
    switch (field->kind) {
    case KIND_COUNT:
        put_quoted(out, "'type':['integer','null'],'minimum':0");
        break;
    case KIND_BOOL:
        put_quoted(out, "'enum':[true,false,0,1,null]");
        break;
    case KIND_SOURCE:
        put_quoted(out, "'enum':['manual','llm','ci',null]");
        break;
    case KIND_JSON:
        break; /* anything */
    default:
        put_quoted(out, field->access & REQUIRED ? "'type':'string','minLength':1"
                                                 : "'type':['string','null']");
    }
}

/* Append what a field may be when it comes back: old rows lack what is required today. */
static void put_answered(struct strbuf *out, const struct run_field *field)
{
    switch (field->kind) {
    case KIND_STATUS:
        put_statuses(out);
        break;
    case KIND_COUNT:
    case KIND_NUMBER:
        put_quoted(out, "'type':['integer','null']");
        break;
    case KIND_BOOL:
        put_quoted(out, "'type':['boolean','null']");
        break;
    case KIND_JSON:
        break;
    default:
        put_quoted(out, "'type':['string','null']");
    }
}

static void put_field(struct strbuf *out, const struct run_field *field, enum view view)
{
    strbuf_printf(out, "\"%s\":{\"description\":", field->name);
    json_write_string(out, field->meaning);
    if (field->kind != KIND_JSON)
        strbuf_putc(out, ',');
    if (view == IN_ANSWER)
        put_answered(out, field);
    else
        put_sent(out, field);
    strbuf_putc(out, '}');
}

/* Append what every answer adds to the fields. */
static void put_derived(struct strbuf *out)
{
    put_quoted(out,
               ",'commit_url':{'type':['string','null']},'repo_url':{'type':['string','null']}");
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (run_fields[i].kind == KIND_JSON)
            strbuf_printf(out, ",\"%s_parse_error\":{\"type\":\"string\"}", run_fields[i].name);
    }
}

static void put_names(struct strbuf *out, field_set set)
{
    const char *separator = "";

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (!(set & FIELD_BIT(i)))
            continue;
        strbuf_printf(out, "%s\"%s\"", separator, run_fields[i].name);
        separator = ",";
    }
}

static void put_run(struct strbuf *out, const char *name, field_set set, field_set required,
                    enum view view)
{
    const char *separator = "";

    strbuf_printf(out, ",\"%s\":{\"type\":\"object\",\"properties\":{", name);
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (!(set & FIELD_BIT(i)))
            continue;
        strbuf_puts(out, separator);
        put_field(out, &run_fields[i], view);
        separator = ",";
    }
    if (view == IN_ANSWER)
        put_derived(out);
    strbuf_puts(out, "},\"required\":[");
    put_names(out, required);
    if (view == IN_ANSWER)
        put_quoted(out, ",'commit_url','repo_url'],'additionalProperties':false}");
    else
        strbuf_puts(out, "]}");
}

void openapi_write_schemas(struct strbuf *out)
{
    field_set all = FIELD_BIT(RUN_FIELD_COUNT) - 1;

    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        strbuf_printf(out, "%s\"%s\":", i ? "," : "", written[i].name);
        put_quoted(out, written[i].schema);
    }
    put_run(out, "NewRun", run_fields_with(CREATE), run_fields_with(REQUIRED), IN_NEW_RUN);
    put_run(out, "RunUpdate", run_fields_with(PATCH), 0, IN_UPDATE);
    put_run(out, "Run", all, all, IN_ANSWER);
}
