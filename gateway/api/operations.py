"""Describes the routes that come from annotations, from the same descriptors that they are served by."""

import re
from typing import Any

from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import MethodDescriptor

from common.json_names import is_internal, key_of
from gateway.http.operation import COMMON_ERRORS, Access, Operation, Parameter, Response, Sent, Shape, Shown, in_json
from gateway.openapi.proto_comments import comment_of, statuses_of, words_of
from gateway.openapi.proto_rules import limits_of
from gateway.openapi.schemas import scalar

# What a resource shows and nobody can set: a resource that was read may be sent back as a change.
READ_ONLY = frozenset({"id", "created_at"})
NO_CONTENT = 204

_PLACEHOLDER = re.compile(r"{(\w+)}")


def operation_of(method: MethodDescriptor, rule: HttpRule) -> Operation:
    """Return what the route of one rule of a method says of itself."""
    verb: str = rule.WhichOneof("pattern")
    path: str = getattr(rule, verb)
    summary, description = words_of(method)
    return Operation(
        method=verb.upper(),
        path=path,
        id=_id_of(method, path),
        summary=summary,
        description=description,
        tag=path.split("/")[2],
        access=Access.PRIVATE,
        parameters=_parameters(method, rule, path),
        bodies=in_json(_sent(method, rule, path)) if rule.body else {},
        responses={success_of(method): _response(method, rule)},
        errors=COMMON_ERRORS | statuses_of(method) | ({404} if "{" in path else set()),
    )


def success_of(method: MethodDescriptor) -> int:
    """Return the status of a method's answer."""
    if not method.output_type.fields:
        return NO_CONTENT
    return 201 if method.name.startswith("Create") else 200


def _id_of(method: MethodDescriptor, path: str) -> str:
    """Return a name such as "getReportByCampaign": a method may have several paths."""
    by = "".join(f"By{name.capitalize()}" for name in _PLACEHOLDER.findall(path) if name != "id")
    return method.name[0].lower() + method.name[1:] + by


def _parameters(method: MethodDescriptor, rule: HttpRule, path: str) -> list[Parameter]:
    fields = [field for field in method.input_type.fields if not is_internal(field)]
    in_path = [field for field in fields if f"{{{field.name}}}" in path]
    in_query = [] if rule.body else [field for field in fields if field not in in_path]
    placed = [("path", field) for field in in_path] + [("query", field) for field in in_query]
    return [
        Parameter(
            key_of(field),
            scalar(field) | limits_of(field),
            " ".join(comment_of(field).split()),
            place,
            is_required=place == "path",
        )
        for place, field in placed
    ]


def _sent(method: MethodDescriptor, rule: HttpRule, path: str) -> Shape:
    is_change = method.name.startswith("Update")
    if rule.body == "*":
        in_path = {field.name for field in method.input_type.fields if f"{{{field.name}}}" in path}
        return Sent(method.input_type, without=in_path, is_change=is_change)
    resource: Any = method.input_type.fields_by_name[rule.body].message_type
    return Sent(resource, without=READ_ONLY if is_change else READ_ONLY - {"id"}, is_change=is_change)


def _response(method: MethodDescriptor, rule: HttpRule) -> Response:
    if success_of(method) == NO_CONTENT:
        return Response("Done.")
    output = method.output_type
    shown: Any = output.fields_by_name[rule.response_body].message_type if rule.response_body else output
    return Response("As asked.", in_json(Shown(shown)))
