"""The comments of the protos, which say what the descriptors leave out: meaning, errors."""

import json
import re
from functools import cache
from importlib.resources import files

from google.protobuf.descriptor import EnumValueDescriptor, FieldDescriptor, MethodDescriptor
from google.rpc import code_pb2

from common.errors import Kind, Reason
from common.rpc.errors import KINDS
from gateway.http.errors import STATUSES, TAKEN

_ELSEWHERE = re.compile(r"See `(?:(?P<package>[\w.]+)\.)?(?P<message>\w+)\.(?P<field>\w+)`\.")
_ERRORS = re.compile(r"\s*Errors: .*?\)\.", re.DOTALL)
_ERROR = re.compile(r"\b([A-Z_]+) \(([^)]*)\)", re.DOTALL)
_REASON = re.compile(r"`([A-Z_]+)`")


def comment_of(field: FieldDescriptor | EnumValueDescriptor) -> str:
    """Return the comment of a field or of an enum's value; where it only points to another field's, that one."""
    text = _comments().get(_full_name(field), "")
    if (found := _ELSEWHERE.fullmatch(text)) is None:
        return text
    package = found["package"] or _full_name(field).rsplit(".", 2)[0]
    return _comments().get(f"{package}.{found['message']}.{found['field']}", "")


def _full_name(field: FieldDescriptor | EnumValueDescriptor) -> str:
    return f"{field.type.full_name}.{field.name}" if isinstance(field, EnumValueDescriptor) else field.full_name


def words_of(method: MethodDescriptor) -> tuple[str, str]:
    """Return the first sentence of a method's comment and the rest, without its errors."""
    text = _ERRORS.sub("", _comments().get(method.full_name, method.name))
    summary, _, rest = text.partition(".")
    return f"{' '.join(summary.split())}.", rest.strip()


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


_KINDS = {code_pb2.Code.Name(code): kind for code, kind in KINDS.items()}
