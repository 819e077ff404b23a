"""The comments of the protos, which say what the descriptors leave out: meaning, limits, errors."""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.rpc import code_pb2

from common.errors import Kind, Reason
from common.rpc.errors import KINDS
from gateway.http.errors import STATUSES, TAKEN

_ELSEWHERE = re.compile(r"See `(?:(?P<package>[\w.]+)\.)?(?P<message>\w+)\.(?P<field>\w+)`\.")
_ERRORS = re.compile(r"\s*Errors: .*?\)\.", re.DOTALL)
_ERROR = re.compile(r"\b([A-Z_]+) \(([^)]*)\)", re.DOTALL)
_REASON = re.compile(r"`([A-Z_]+)`")

_OF = r"of `(\[[^`]+\])`"
_RANGE_OF = re.compile(rf"(\d+) to (\d+) {_OF}")
_LENGTH_OF = re.compile(rf"(?<!to )\b(\d+) {_OF}")
_CHARACTERS = re.compile(r"(?:(\d+) to |at most )([\d,]+) characters")
_ITEMS = re.compile(r"(\d+) to ([\d,]+) [a-z]")
_NUMBERS = re.compile(r"\b(\d+) to (\d+)\.")


def comment_of(field: FieldDescriptor) -> str:
    """Return the comment of a field; where it only points to another field's, that one."""
    text = _comments().get(field.full_name, "")
    if (found := _ELSEWHERE.fullmatch(text)) is None:
        return text
    package = found["package"] or field.full_name.rsplit(".", 2)[0]
    return _comments().get(f"{package}.{found['message']}.{found['field']}", "")


def limits_of(field: FieldDescriptor) -> dict[str, Any]:
    """Return what a field's comment says of its length, form or range, in the words of JSON Schema."""
    text = comment_of(field)
    if field.is_repeated:
        found = _ITEMS.match(text)
        return {"minItems": _int(found[1]), "maxItems": _int(found[2])} if found else {}
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return _limits_of_text(text)
    found = _NUMBERS.search(text) if field.cpp_type in _WHOLE else None
    return {"minimum": _int(found[1]), "maximum": _int(found[2])} if found else {}


def _limits_of_text(text: str) -> dict[str, Any]:
    if text.startswith("A UUID"):
        return {"format": "uuid"}
    if found := _RANGE_OF.search(text):
        return {"pattern": f"^{found[3]}{{{found[1]},{found[2]}}}$"}
    if found := _LENGTH_OF.search(text):
        return {"pattern": f"^{found[2]}{{{found[1]}}}$"}
    if found := _CHARACTERS.search(text):
        return {"maxLength": _int(found[2])} | ({"minLength": _int(found[1])} if found[1] else {})
    return {}


def is_required(field: FieldDescriptor) -> bool:
    """Tell whether a request must bring a field."""
    return "Required." in comment_of(field)


def words_of(method: MethodDescriptor) -> tuple[str, str]:
    """Return the first sentence of a method's comment and the rest, without its errors."""
    text = _ERRORS.sub("", _comments().get(method.full_name, method.name))
    summary, _, rest = text.partition(".")
    return f"{summary.strip()}.", rest.strip()


def statuses_of(method: MethodDescriptor) -> set[int]:
    """Return the HTTP statuses of the errors that a method's comment names."""
    text = _comments().get(method.full_name, "")
    statuses: set[int] = set()
    for code, why in _ERROR.findall(text):
        if (kind := _KINDS.get(code)) is not None:
            statuses |= _statuses(kind, _REASON.findall(why))
    return statuses


def _statuses(kind: Kind, reasons: list[str]) -> set[int]:
    if kind is not Kind.ALREADY_EXISTS:
        return {STATUSES[kind]}
    return {422 if Reason(reason) in TAKEN else STATUSES[kind] for reason in reasons}


@cache
def _comments() -> dict[str, str]:
    comments: dict[str, str] = json.loads(files("clicktrail").joinpath("comments.json").read_text())
    return comments


def _int(text: str) -> int:
    return int(text.replace(",", ""))


_KINDS = {code_pb2.Code.Name(code): kind for code, kind in KINDS.items()}
_WHOLE = frozenset({FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64})
