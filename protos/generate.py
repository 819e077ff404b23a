"""Write the Python stubs of all protos to `gen/`, their comments beside them, and nothing else there."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

HERE = Path(__file__).parent


def main() -> int:
    """Generate messages, services, their types and comments; return the compiler's exit code."""
    target = HERE / "gen"
    shutil.rmtree(target / "clicktrail", ignore_errors=True)
    target.mkdir(exist_ok=True)
    sources = sorted(str(path.relative_to(HERE)) for path in HERE.glob("clicktrail/**/*.proto"))
    wellknown = files("grpc_tools") / "_proto"
    google_api = Path(str(files("google.api") / "annotations.proto")).parents[2]
    with tempfile.NamedTemporaryFile() as described:
        code: int = protoc.main(
            [
                "protoc",
                f"--proto_path={HERE}",
                f"--proto_path={wellknown}",
                f"--proto_path={google_api}",
                f"--python_out={target}",
                f"--grpc_python_out={target}",
                f"--mypy_out=quiet:{target}",
                f"--mypy_grpc_out=quiet,only_async:{target}",
                f"--descriptor_set_out={described.name}",
                "--include_source_info",
                *sources,
            ]
        )
        found = FileDescriptorSet.FromString(Path(described.name).read_bytes())
    comments = dict(pair for file in found.file for pair in comments_of(file))
    (target / "clicktrail" / "comments.json").write_text(json.dumps(comments, indent=0) + "\n")
    (target / "clicktrail" / "py.typed").touch()
    return code


def comments_of(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """Yield the full name of everything that has a comment, and its text; the descriptors carry none at run-time."""
    for location in file.source_code_info.location:
        name = name_at(file, location.path)
        if name and location.leading_comments:
            yield name, "\n".join(line.strip() for line in location.leading_comments.strip().splitlines())


def name_at(file: FileDescriptorProto, path: Sequence[int]) -> str | None:
    """Return the full name of the message, enum, service, or member of one, at this path of a file."""
    kinds: dict[int, tuple[Any, str]] = {
        4: (file.message_type, "field"),
        5: (file.enum_type, "value"),
        6: (file.service, "method"),
    }
    if len(path) not in (2, 4) or path[0] not in kinds:
        return None
    outer, members = kinds[path[0]]
    names = [file.package, outer[path[1]].name]
    if len(path) == 4:  # noqa: PLR2004  (kind and index, twice)
        if path[2] != 2:  # noqa: PLR2004  (fields, values and methods all have this number)
            return None
        names.append(getattr(outer[path[1]], members)[path[3]].name)
    return ".".join(names)


if __name__ == "__main__":
    sys.exit(main())
