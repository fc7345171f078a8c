/* SPDX-License-Identifier: MIT */
#include "service/docs_page.h"

#include <string.h>

#include "service/html.h"

#define SCHEMA_PREFIX "#/components/schemas/"

/* Whoever changes it changes the hash below: the test of the page says which it is. */
static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#222;background:#fff}"
    "code{font:14px/1.5 ui-monospace,monospace}"
    "h2 code{font-size:18px;font-weight:600}"
    "h2{margin-top:2.5rem;border-top:1px solid #ccc;padding-top:1rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;"
    "border-bottom:1px solid #ddd}"
    "a{color:#0645ad}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}a{color:#8ab4f8}"
    "h2,th,td{border-color:#444}}";

const char docs_page_policy[] =
    "default-src 'none'; style-src 'sha256-YtikcIGolrJzaY8mBYWBe1StWzohJZAKnFG2DOKwnK0='; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static void put_cell(struct strbuf *out, const char *text)
{
    strbuf_puts(out, "<td>");
    html_write_text(out, text);
}

static void put_code_cell(struct strbuf *out, const char *text)
{
    strbuf_puts(out, "<td><code>");
    html_write_text(out, text);
    strbuf_puts(out, "</code>");
}

/* ---- Schemas --------------------------------------------------------------------------------- */

static void put_schema_link(struct strbuf *out, const char *reference)
{
    const char *name = reference + strlen(SCHEMA_PREFIX);

    strbuf_puts(out, "<a href=\"#schema-");
    html_write_text(out, name);
    strbuf_puts(out, "\">");
    html_write_text(out, name);
    strbuf_puts(out, "</a>");
}

/* Append the values of an array, or a single one. */
static void put_values(struct strbuf *out, const json_t *values)
{
    size_t count = json_is_array(values) ? json_array_size(values) : 1;

    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_is_array(values) ? json_array_get(values, i) : values;

        strbuf_puts(out, i ? ", " : "");
        if (json_is_string(value))
            html_write_text(out, json_string_value(value));
        else
            json_write_value(out, value);
    }
}

static void put_type(struct strbuf *out, const json_t *schema)
{
    const json_t *items = json_object_get(schema, "items");
    const json_t *values = json_object_get(schema, "enum");
    const char *reference = text_of(schema, "$ref");

    if (!values)
        values = json_object_get(schema, "const");
    if (!values && !items)
        values = json_object_get(schema, "type");
    if (*reference) {
        put_schema_link(out, reference);
    } else if (items) {
        strbuf_puts(out, "array of ");
        put_type(out, items);
    } else if (values) {
        put_values(out, values);
    } else {
        strbuf_puts(out, "any");
    }
}

static bool is_required(const json_t *schema, const char *name)
{
    const json_t *required = json_object_get(schema, "required");
    const json_t *entry;
    size_t i;

    json_array_foreach(required, i, entry)
    {
        if (strcmp(json_string_value(entry), name) == 0)
            return true;
    }
    return false;
}

static void put_properties(struct strbuf *out, json_t *schema)
{
    const char *name;
    json_t *property;

    strbuf_puts(out, "<table><tr><th>member<th>value<th>meaning");
    json_object_foreach(json_object_get(schema, "properties"), name, property)
    {
        strbuf_puts(out, "<tr>");
        put_code_cell(out, name);
        strbuf_puts(out, "<td>");
        put_type(out, property);
        strbuf_puts(out, "<td>");
        html_write_text(out, text_of(property, "description"));
        strbuf_puts(out, is_required(schema, name) ? "" : " <i>(optional)</i>");
    }
    strbuf_puts(out, "</table>");
}

static void put_alternatives(struct strbuf *out, const json_t *alternatives)
{
    const json_t *alternative;
    size_t i;

    json_array_foreach(alternatives, i, alternative)
    {
        json_t *properties = json_object_get(alternative, "properties");

        strbuf_puts(out, i ? "<p>or " : "<p>");
        put_type(out, alternative);
        if (properties)
            put_properties(out, (json_t *)alternative);
    }
}

static void put_schemas(struct strbuf *out, json_t *schemas)
{
    const char *name;
    json_t *schema;

    strbuf_puts(out, "<h2>What is sent and answered</h2>");
    json_object_foreach(schemas, name, schema)
    {
        const json_t *alternatives = json_object_get(schema, "oneOf");

        strbuf_puts(out, "<h3 id=\"schema-");
        html_write_text(out, name);
        strbuf_puts(out, "\">");
        html_write_text(out, name);
        strbuf_puts(out, "</h3><p>");
        html_write_text(out, text_of(schema, "description"));
        if (alternatives)
            put_alternatives(out, alternatives);
        else if (json_object_get(schema, "properties"))
            put_properties(out, schema);
        else
            put_type(out, schema);
    }
}

/* ---- Operations ------------------------------------------------------------------------------ */

static void put_parameters(struct strbuf *out, const json_t *parameters)
{
    const json_t *parameter;
    size_t i;

    if (!json_array_size(parameters))
        return;
    strbuf_puts(out, "<table><tr><th>parameter<th>in<th>value<th>meaning");
    json_array_foreach(parameters, i, parameter)
    {
        strbuf_puts(out, "<tr>");
        put_code_cell(out, text_of(parameter, "name"));
        put_cell(out, text_of(parameter, "in"));
        strbuf_puts(out, "<td>");
        put_type(out, json_object_get(parameter, "schema"));
        put_cell(out, text_of(parameter, "description"));
    }
    strbuf_puts(out, "</table>");
}

/* Append what a body or an answer consists of, one line for each type of content. */
static void put_content(struct strbuf *out, json_t *content)
{
    const char *content_type;
    json_t *media;
    const char *separator = "";

    json_object_foreach(content, content_type, media)
    {
        strbuf_puts(out, separator);
        put_type(out, json_object_get(media, "schema"));
        strbuf_puts(out, " <code>");
        html_write_text(out, content_type);
        strbuf_puts(out, "</code>");
        separator = "<br>";
    }
}

static void put_responses(struct strbuf *out, json_t *responses)
{
    const char *status;
    json_t *response;

    strbuf_puts(out, "<table><tr><th>status<th>answer<th>meaning");
    json_object_foreach(responses, status, response)
    {
        strbuf_puts(out, "<tr>");
        put_code_cell(out, status);
        strbuf_puts(out, "<td>");
        put_content(out, json_object_get(response, "content"));
        put_cell(out, text_of(response, "description"));
    }
    strbuf_puts(out, "</table>");
}

static void put_request(struct strbuf *out, const char *path, const char *method)
{
    strbuf_puts(out, "<code>");
    for (const char *c = method; *c; c++)
        strbuf_putc(out, (char)(*c - 'a' + 'A'));
    strbuf_putc(out, ' ');
    html_write_text(out, path);
    strbuf_puts(out, "</code>");
}

/* An operation's entry in the list of all of them. */
static void put_entry(struct strbuf *out, const char *path, const char *method, json_t *operation)
{
    strbuf_puts(out, "<li><a href=\"#");
    html_write_text(out, text_of(operation, "operationId"));
    strbuf_puts(out, "\">");
    put_request(out, path, method);
    strbuf_puts(out, "</a> ");
    html_write_text(out, text_of(operation, "summary"));
}

static void put_operation(struct strbuf *out, const char *path, const char *method,
                          json_t *operation)
{
    json_t *body = json_object_get(operation, "requestBody");

    strbuf_puts(out, "<h2 id=\"");
    html_write_text(out, text_of(operation, "operationId"));
    strbuf_puts(out, "\">");
    put_request(out, path, method);
    strbuf_puts(out, "</h2><p>");
    html_write_text(out, text_of(operation, "summary"));
    put_parameters(out, json_object_get(operation, "parameters"));
    if (body) {
        strbuf_puts(out, "<p>Body: ");
        put_content(out, json_object_get(body, "content"));
    }
    put_responses(out, json_object_get(operation, "responses"));
}

typedef void operation_fn(struct strbuf *out, const char *path, const char *method,
                          json_t *operation);

static void put_operations(struct strbuf *out, json_t *paths, operation_fn *put)
{
    const char *path;
    json_t *operations;

    json_object_foreach(paths, path, operations)
    {
        const char *method;
        json_t *operation;

        json_object_foreach(operations, method, operation)
        {
            put(out, path, method, operation);
        }
    }
}

void docs_page_write(struct strbuf *out, const json_t *openapi)
{
    const json_t *info = json_object_get(openapi, "info");
    const json_t *components = json_object_get(openapi, "components");
    json_t *paths = json_object_get(openapi, "paths");

    strbuf_puts(out, "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">"
                     "<meta name=\"viewport\" content=\"width=device-width\">"
                     "<link rel=\"icon\" href=\"data:,\"><title>"); /* else one is asked for */
    html_write_text(out, text_of(info, "title"));
    strbuf_printf(out, "</title><style>%s</style><h1>", style);
    html_write_text(out, text_of(info, "title"));
    strbuf_putc(out, ' ');
    html_write_text(out, text_of(info, "version"));
    strbuf_puts(out, "</h1><p>");
    html_write_text(out, text_of(info, "description"));
    strbuf_puts(out, "<p>For programs: <a href=\"/openapi.json\">/openapi.json</a>");
    strbuf_puts(out, "<ul>");
    put_operations(out, paths, put_entry);
    strbuf_puts(out, "</ul>");
    put_operations(out, paths, put_operation);
    put_schemas(out, json_object_get(components, "schemas"));
    strbuf_puts(out, "</html>\n");
}
