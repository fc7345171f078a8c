# SPDX-License-Identifier: MIT
"""The service's own description, used to check what it answers.

The shape of an OpenAPI 3.1 document is written out here as far as the service uses it: Debian has no
validator for that version. Schemas inside it are JSON Schema 2020-12, which python3-jsonschema knows.
"""
import json
import re

import jsonschema

TEXT = {"type": "string", "minLength": 1}
MEDIA = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "type": "object",
        "required": ["schema"],
        "additionalProperties": False,
        "properties": {"schema": {"type": "object"}},
    },
}
PARAMETER = {
    "type": "object",
    "required": ["name", "in", "schema"],
    "additionalProperties": False,
    "properties": {
        "name": TEXT,
        "in": {"enum": ["query", "path"]},
        "required": {"type": "boolean"},
        "description": TEXT,
        "schema": {"type": "object"},
    },
    "if": {"properties": {"in": {"const": "path"}}},
    "then": {"properties": {"required": {"const": True}}, "required": ["required"]},
}
OPERATION = {
    "type": "object",
    "required": ["operationId", "summary", "responses"],
    "additionalProperties": False,
    "properties": {
        "operationId": {"type": "string", "pattern": "^[a-z_]+$"},
        "summary": TEXT,
        "security": {"type": "array"},
        "parameters": {"type": "array", "items": PARAMETER},
        "requestBody": {
            "type": "object",
            "required": ["content"],
            "additionalProperties": False,
            "properties": {"required": {"type": "boolean"}, "content": MEDIA},
        },
        "responses": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "patternProperties": {
                "^[1-5][0-9][0-9]$": {
                    "type": "object",
                    "required": ["description"],
                    "additionalProperties": False,
                    "properties": {"description": TEXT, "content": MEDIA},
                }
            },
        },
    },
}
DOCUMENT = {
    "type": "object",
    "required": ["openapi", "info", "paths", "components"],
    "additionalProperties": False,
    "properties": {
        "openapi": {"type": "string", "pattern": r"^3\.1\.\d+$"},
        "info": {
            "type": "object",
            "required": ["title", "version"],
            "additionalProperties": False,
            "properties": {"title": TEXT, "version": TEXT, "description": TEXT},
        },
        "servers": {"type": "array", "items": {"type": "object", "required": ["url"]}},
        "security": {"type": "array"},
        "paths": {
            "type": "object",
            "additionalProperties": False,
            "patternProperties": {
                "^/": {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": False,
                    "properties": {m: OPERATION for m in ("get", "post", "patch")},
                }
            },
        },
        "components": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "schemas": {"type": "object"},
                "securitySchemes": {"type": "object"},
            },
        },
    },
}


def references(value):
    """All "$ref" in a value, however deep."""
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


class Description:
    """A parsed OpenAPI document."""

    def __init__(self, document):
        self.document = document
        self.schemas = document["components"]["schemas"]
        self._resolver = jsonschema.RefResolver("", document)
        self._patterns = [
            (re.compile("^" + re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) + "$"), path)
            for path in sorted(document["paths"], key=lambda path: path.count("{"))
        ]

    def check(self):
        """Fail if it is not what OpenAPI and JSON Schema want."""
        jsonschema.validate(self.document, DOCUMENT, cls=jsonschema.Draft202012Validator)
        for schema in self.schemas.values():
            jsonschema.Draft202012Validator.check_schema(schema)
        for reference in references(self.document):
            assert reference.removeprefix("#/components/schemas/") in self.schemas, reference
        names = [operation["operationId"] for _, _, operation in self.operations()]
        assert len(names) == len(set(names)), "operationIds must be unique"
        for path, _, operation in self.operations():
            declared = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path)), path
            keys = [(p["name"], p["in"]) for p in operation.get("parameters", [])]
            assert len(keys) == len(set(keys)), path

    def operations(self):
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                yield path, method, operation

    def operation(self, method, target):
        """The operation that a request is for; None when there is none."""
        path = target.split("?")[0]
        for pattern, template in self._patterns:
            if pattern.match(path):
                method = "get" if method == "HEAD" else method.lower()
                return self.document["paths"][template].get(method)
        return None

    def validate(self, value, schema):
        jsonschema.Draft202012Validator(schema, resolver=self._resolver).validate(value)

    def validate_answer(self, method, target, status, content_type, body):
        """Fail if an answer is not one that is described."""
        operation = self.operation(method, target)
        if operation is None:  # no such path, or no such method: the answer is an error
            assert status in (204, 400, 401, 404, 405, 414, 421), status
            if body:
                self.validate(json.loads(body), {"$ref": "#/components/schemas/Error"})
            return
        assert str(status) in operation["responses"], f"{status} is not described"
        if method == "HEAD":
            return
        content = operation["responses"][str(status)]["content"]
        media = content_type.split(";")[0]
        assert media in content, f"{media} is not described for {status}"
        if media == "application/json":
            self.validate(json.loads(body), content[media]["schema"])

    def validate_request(self, method, target, body):
        """Fail if a body that was taken is not one that is described."""
        operation = self.operation(method, target)
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        self.validate(body, schema)
