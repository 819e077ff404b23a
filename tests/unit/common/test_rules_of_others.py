"""Rules that a field takes from another one."""

import importlib
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import FileDescriptor

import clicktrail
from clicktrail.common.v1 import options_pb2


def files() -> Iterator[FileDescriptor]:
    """Yield every proto of ours."""
    (root,) = map(Path, clicktrail.__path__)
    for path in sorted(root.rglob("*_pb2.py")):
        yield importlib.import_module(".".join(path.relative_to(root.parent).with_suffix("").parts)).DESCRIPTOR


def known_in(file: FileDescriptor) -> set[str]:
    """Return the names of the fields that whoever has loaded a proto knows: its own, and those of what it imports."""
    names = {field.full_name for message in file.message_types_by_name.values() for field in message.fields}
    return names.union(*map(known_in, file.dependencies))


def test_a_field_takes_its_rules_from_one_that_is_loaded_with_it() -> None:
    """Else it depends on what a process happened to import before whether it starts."""
    loose = [
        f"{field.full_name} is like {like}"
        for file in files()
        for message in file.message_types_by_name.values()
        for field in message.fields
        if (like := field.GetOptions().Extensions[options_pb2.field].like) and like not in known_in(file)
    ]
    assert not loose
