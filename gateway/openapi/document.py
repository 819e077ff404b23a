"""Writes the document of the API, OpenAPI 3.1, from what its routes say of themselves."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.http.exchange import Answer, Exchange
from gateway.http.operation import JSON, Access, Operation, Parameter, Response, Schema, Shape, in_json
from gateway.http.routes import Route
from gateway.openapi.components import (
    ABOUT,
    ERROR_ANSWERS,
    ERROR_HEADERS,
    ERRORS,
    ERRORS_REF,
    SECURITY,
    SECURITY_SCHEMES,
)
from gateway.openapi.examples import EXAMPLES
from gateway.openapi.schemas import Schemas

Document = dict[str, Any]

PATH = "/openapi.json"
KEPT_SECONDS = 300

OPERATION = Operation(
    method="GET",
    path=PATH,
    id="getDocument",
    summary="This document.",
    tag="operations",
    access=Access.ANYONE,
    responses={200: Response("This document.", in_json({"type": "object"}), {"Cache-Control": "How long to keep it."})},
    errors={413, 500},
)


def document_route(operations: Sequence[Operation], named: Mapping[str, Schema]) -> Route:
    """Return the route that serves the document of these operations and of itself, with the schemas they refer to."""
    body = json.dumps(document([*operations, OPERATION], named), ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"cache-control": f"public, max-age={KEPT_SECONDS}"}

    async def handle(exchange: Exchange) -> Answer:
        await exchange.body.discard()
        return Answer(200, body, headers)

    return Route(OPERATION, handle)


def document(operations: Sequence[Operation], named: Mapping[str, Schema]) -> Document:
    """Return the document of these operations."""
    schemas = Schemas({"Errors": ERRORS, **named})
    paths: dict[str, Document] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Clicktrail", "version": "1", "description": ABOUT},
        # Wherever the document was read from.
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {name: _error_response(status) for status, (name, _) in ERROR_ANSWERS.items()},
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _described(operation: Operation, schemas: Schemas) -> Document:
    described: Document = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": SECURITY[operation.access],
        "responses": _responses(operation, schemas),
    }
    if operation.description:
        described["description"] = operation.description
    if operation.parameters:
        described["parameters"] = [_parameter(parameter) for parameter in operation.parameters]
    if operation.bodies:
        content = _content(operation.bodies, schemas)
        if examples := EXAMPLES.get(operation.id):
            content[JSON]["examples"] = {text: {"value": value} for text, value in examples.items()}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameter(parameter: Parameter) -> Document:
    described = {"name": parameter.name, "in": parameter.place, "schema": parameter.schema}
    if parameter.description:
        described["description"] = parameter.description
    return described | ({"required": True} if parameter.is_required else {})


def _responses(operation: Operation, schemas: Schemas) -> Document:
    responses: Document = {}
    for status, response in operation.responses.items():
        described: Document = {"description": response.description}
        if response.bodies:
            described["content"] = _content(response.bodies, schemas)
        if response.headers:
            described["headers"] = _headers(response.headers)
        responses[str(status)] = described
    for status in sorted(set(operation.errors) - set(operation.responses)):
        responses[str(status)] = {"$ref": f"#/components/responses/{ERROR_ANSWERS[status][0]}"}
    return responses


def _content(bodies: Mapping[str, Shape], schemas: Schemas) -> dict[str, Document]:
    return {kind: {"schema": schemas.of(shape)} for kind, shape in bodies.items()}


def _headers(headers: Mapping[str, str]) -> Document:
    return {
        name: {"description": text, "required": True, "schema": {"type": "string"}} for name, text in headers.items()
    }


def _error_response(status: int) -> Document:
    described: Document = {"description": ERROR_ANSWERS[status][1], "content": {JSON: {"schema": ERRORS_REF}}}
    if headers := ERROR_HEADERS.get(status):
        described["headers"] = _headers(headers)
    return described
