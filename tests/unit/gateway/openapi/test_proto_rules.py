"""What comments of the protos tell people of limits, and what the options beside them tell programs."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from clicktrail.common.v1 import types_pb2
from common.field_rules import rules_of
from gateway.openapi.proto_comments import comment_of
from gateway.openapi.proto_rules import limits_of

ROOT = Path(types_pb2.__file__).parents[2]
RANGE = re.compile(r"(?:(\d+) to )?(\d+) of `(\[[^`]+\])`")
CHARACTERS = re.compile(r"(?:(\d+) to |at most )([\d,]+) characters")
ITEMS = re.compile(r"(\d+) to ([\d,]+) [a-z]")
WHOLE = (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64)
NUMBERS = re.compile(r"\b(\d+) to (\d+)\.")


def fields() -> Iterator[FieldDescriptor]:
    """Yield every field of every message of ours."""
    for path in sorted(ROOT.rglob("*_pb2.py")):
        module = import_module(f"clicktrail.{path.relative_to(ROOT).as_posix().removesuffix('.py').replace('/', '.')}")
        for message in module.DESCRIPTOR.message_types_by_name.values():
            yield from message.fields


def told(field: FieldDescriptor) -> dict[str, Any]:
    """Return the limits that a field's comment tells, in the words of JSON Schema."""
    text = comment_of(field)
    if field.is_repeated:
        return _between("Items", ITEMS.match(text))
    if field.type != FieldDescriptor.TYPE_STRING:
        found = NUMBERS.search(text)
        return {"minimum": int(found[1]), "maximum": int(found[2])} if found and field.cpp_type in WHOLE else {}
    if text.startswith("A UUID"):
        return {"format": "uuid"}
    if found := RANGE.search(text):
        return {"pattern": f"^{found[3]}{{{found[1] + ',' if found[1] else ''}{found[2]}}}$"}
    return _between("Length", CHARACTERS.search(text))


def _between(what: str, found: re.Match[str] | None) -> dict[str, Any]:
    if found is None:
        return {}
    most = {f"max{what}": int(found[2].replace(",", ""))}
    return most | ({f"min{what}": int(found[1])} if found[1] else {})


def test_comments_tell_what_holds() -> None:
    """Where a comment names a limit, it is the one of the option beside it."""
    limits = {field.full_name: (told(field), limits_of(field)) for field in fields() if told(field)}
    assert len(limits) > 20
    assert {name: pair for name, pair in limits.items() if pair[0].items() - pair[1].items()} == {}


def test_comments_tell_what_is_required() -> None:
    """A field is required where its comment says so, and nowhere else."""
    wrong = [field.full_name for field in fields() if rules_of(field).required != ("Required." in comment_of(field))]
    assert wrong == []


def test_a_field_that_is_like_another_has_its_limits() -> None:
    """Its own rules come on top."""
    named = {field.full_name: field for field in fields()}
    session = rules_of(named["clicktrail.tracking.v1.Event.session"])
    assert (session.min_length, session.max_length, list(session.aliases)) == (8, 64, ["session_id"])
    profile = rules_of(named["clicktrail.shortener.v1.Recipient.profile"])
    assert (profile.characters, profile.required) == ("[A-Za-z0-9_.-]", False)


@pytest.mark.parametrize("name", ["clicktrail.tracking.v1.Session.id", "clicktrail.tracking.v1.Profile.id"])
def test_what_is_taken_is_what_is_told(name: str) -> None:
    """The pattern is that of a whole text."""
    (field,) = [field for field in fields() if field.full_name == name]
    pattern = limits_of(field)["pattern"]
    assert re.search(pattern, "abcdefgh")
    assert not re.search(pattern, "a b")
