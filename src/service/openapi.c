/* SPDX-License-Identifier: MIT */
#include "service/openapi.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "service/openapi_schemas.h"
#include "service/routes.h"
#include "model/run_fields.h"

static const char *method_key(enum method method)
{
    return method == METHOD_GET ? "get" : method == METHOD_POST ? "post" : "patch";
}

static void put_member(struct strbuf *out, const char *name, const char *text)
{
    strbuf_printf(out, "\"%s\":", name);
    json_write_string(out, text);
}

/* ---- Parameters ------------------------------------------------------------------------------ */

static void begin_parameter(struct strbuf *out, const char *name, const char *where,
                            const char *meaning, bool *is_first)
{
    strbuf_puts(out, *is_first ? "{" : ",{");
    *is_first = false;
    put_member(out, "name", name);
    strbuf_printf(out, ",\"in\":\"%s\",\"required\":%s,", where,
                  strcmp(where, "path") == 0 ? "true" : "false");
    put_member(out, "description", meaning);
    strbuf_puts(out, ",\"schema\":");
}

/* Append what stands in braces in the path. */
static void put_path_parameter(struct strbuf *out, const char *path, bool *is_first)
{
    const char *open = strchr(path, '{');
    char name[32] = "";

    if (!open)
        return;
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(open + 1, "}"), open + 1);
    begin_parameter(out, name, "path", "which one", is_first);
    strbuf_puts(out, "{\"type\":\"string\",\"minLength\":1}}");
}

static void put_type(struct strbuf *out, const struct parameter_spec *spec)
{
    switch (spec->kind) {
    case PARAMETER_NUMBER:
        strbuf_printf(out, "{\"type\":\"integer\",\"minimum\":%" PRId64 ",\"default\":%" PRId64,
                      spec->min, spec->initial);
        if (spec->max != INT64_MAX)
            strbuf_printf(out, ",\"maximum\":%" PRId64, spec->max);
        strbuf_putc(out, '}');
        break;
    case PARAMETER_BOOL:
        strbuf_puts(out, "{\"type\":\"boolean\",\"default\":false}");
        break;
    case PARAMETER_STATUSES:
        strbuf_puts(out, "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}");
        break;
    default:
        strbuf_puts(out, "{\"type\":\"string\"}");
    }
}

/* The field's own parameter, as the status has, comes before that of all fields. */
static bool is_listed(const struct parameter_spec *spec, const char *name)
{
    for (; spec && spec->name; spec++) {
        if (strcmp(spec->name, name) == 0)
            return true;
    }
    return false;
}

static void put_filters(struct strbuf *out, const struct route *route, bool *is_first)
{
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        const struct run_field *field = &run_fields[i];

        if (!(field->access & FILTER) || is_listed(route->parameters, field->name))
            continue;
        begin_parameter(out, field->name, "query", field->meaning, is_first);
        strbuf_puts(out, "{\"type\":\"string\"}}");
    }
}

static void put_parameters(struct strbuf *out, const struct route *route)
{
    bool is_first = true;

    strbuf_puts(out, ",\"parameters\":[");
    put_path_parameter(out, route->path, &is_first);
    for (const struct parameter_spec *spec = route->parameters; spec && spec->name; spec++) {
        begin_parameter(out, spec->name, "query", spec->meaning, &is_first);
        put_type(out, spec);
        strbuf_putc(out, '}');
    }
    if (route->lists_runs)
        put_filters(out, route, &is_first);
    strbuf_putc(out, ']');
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void put_content(struct strbuf *out, const char *content_type, const char *schema)
{
    strbuf_printf(out, "\"%s\":{\"schema\":", content_type ? content_type : "application/json");
    openapi_write_schema_use(out, schema);
    strbuf_putc(out, '}');
}

static void put_answers(struct strbuf *out, const struct route *route)
{
    int status = 0;

    for (size_t i = 0; i < ROUTE_ANSWERS_MAX && route->answers[i].status; i++) {
        const struct route_answer *answer = &route->answers[i];

        if (answer->status == status)
            strbuf_putc(out, ',');
        else
            strbuf_printf(out, "%s\"%d\":{\"description\":\"%s\",\"content\":{", i ? "}}," : "",
                          answer->status, answer->status < 400 ? "done" : "not at present");
        status = answer->status;
        put_content(out, answer->content_type, answer->schema);
    }
    strbuf_puts(out, "}}");
}

static bool answers_with(const struct route *route, int status)
{
    for (size_t i = 0; i < ROUTE_ANSWERS_MAX; i++) {
        if (route->answers[i].status == status)
            return true;
    }
    return false;
}

/* Append one kind of error, unless the route has an answer of its own for it. */
static void put_error(struct strbuf *out, const struct route *route, int status,
                      const char *meaning)
{
    if (answers_with(route, status))
        return;
    strbuf_printf(out, ",\"%d\":{\"description\":\"%s\",\"content\":{", status, meaning);
    put_content(out, NULL, "Error");
    strbuf_puts(out, "}}");
}

/* What can go wrong follows from what a route takes. */
static void put_errors(struct strbuf *out, const struct route *route)
{
    put_error(out, route, 400, "malformed HTTP, JSON or query");
    if (!route->is_open)
        put_error(out, route, 401, "a valid bearer token is needed");
    if (route->body) {
        put_error(out, route, 403, "a page of another site must not write");
        put_error(out, route, 415, "a Content-Encoding other than gzip");
    }
    if (strchr(route->path, '{'))
        put_error(out, route, 404, "not found");
    put_error(out, route, 413, "too large");
    put_error(out, route, 414, "the URL is too long");
    put_error(out, route, 421, "the service does not go by that name");
    if (route->body || route->parameters)
        put_error(out, route, 422, "a value is not what it must be; all faults are listed");
    if (!route->is_open)
        put_error(out, route, 429, "too many requests; Retry-After says when to come back");
    put_error(out, route, 431, "the headers are too large");
    put_error(out, route, 500, "the database is damaged");
    put_error(out, route, 503, "not now; Retry-After says when to come back");
}

/* ---- Paths ----------------------------------------------------------------------------------- */

static void put_operation(struct strbuf *out, const struct route *route)
{
    strbuf_printf(out, "\"%s\":{\"operationId\":\"%s\",", method_key(route->method), route->name);
    put_member(out, "summary", route->title);
    strbuf_puts(out, route->is_open ? ",\"security\":[]" : "");
    put_parameters(out, route);
    if (route->body) {
        strbuf_puts(out, ",\"requestBody\":{\"required\":true,\"content\":{");
        put_content(out, NULL, route->body);
        strbuf_puts(out, "}}");
    }
    strbuf_puts(out, ",\"responses\":{");
    put_answers(out, route);
    put_errors(out, route);
    strbuf_puts(out, "}}");
}

static bool came_before(const struct route *route)
{
    for (const struct route *other = routes; other < route; other++) {
        if (strcmp(other->path, route->path) == 0)
            return true;
    }
    return false;
}

static void put_paths(struct strbuf *out)
{
    for (const struct route *first = routes; first->path; first++) {
        const char *separator = "";

        if (came_before(first))
            continue;
        strbuf_printf(out, "%s\"%s\":{", first == routes ? "" : ",", first->path);
        for (const struct route *route = first; route->path; route++) {
            if (strcmp(route->path, first->path) != 0)
                continue;
            strbuf_puts(out, separator);
            put_operation(out, route);
            separator = ",";
        }
        strbuf_putc(out, '}');
    }
}

void openapi_write(struct strbuf *out)
{
    strbuf_puts(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"telemetryd\",");
    put_member(out, "version", tel_version());
    strbuf_putc(out, ',');
    put_member(
        out, "description",
        "Runs of agents: created, updated and asked for over HTTP. An answer to a write means "
        "that it is on the disk. HEAD works where GET does, OPTIONS tells what a path takes. "
        "Unknown members of a body and unknown parameters are ignored; null means not given.");
    strbuf_puts(out,
                "},\"servers\":[{\"url\":\"/\"}],\"security\":[{},{\"bearer\":[]}],\"paths\":{");
    put_paths(out);
    strbuf_puts(out, "},\"components\":{\"securitySchemes\":{\"bearer\":{\"type\":\"http\","
                     "\"scheme\":\"bearer\"}},\"schemas\":{");
    openapi_write_schemas(out);
    strbuf_puts(out, "}}}");
}
