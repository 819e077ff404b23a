"""Stubs for Go and Java: what one command writes can be imported by the names that `protos/README.md` tells."""

import re
from pathlib import Path

from tests.support.stubs import EXAMPLES, ROOT, needs, write_stubs

PROTOS = [path.relative_to(ROOT / "protos").parent for path in sorted((ROOT / "protos/clicktrail").rglob("*.proto"))]


def imports(sources: list[Path], pattern: str) -> set[str]:
    """Return what these files import of Clicktrail and of the annotations that its protos need."""
    return {found for source in sources for found in re.findall(pattern, source.read_text())}


def test_go_imports_them_by_the_prefix(tmp_path: Path) -> None:
    """Each proto's package is one of Go's under the prefix, and Google's annotations are those it publishes itself."""
    needs("protoc-gen-go", "protoc-gen-go-grpc")
    write_stubs("go", tmp_path, "GO_PREFIX=example.org/trail/stubs")
    sources = sorted(tmp_path.rglob("*.go"))
    assert {source.parent.relative_to(tmp_path) for source in sources} == set(PROTOS)
    assert imports(sources, r'"(example\.org/.+|.*annotations)"') <= {
        *(f"example.org/trail/stubs/{package}" for package in PROTOS),
        "google.golang.org/genproto/googleapis/api/annotations",
    }
    service = (tmp_path / "clicktrail/shortener/v1/link_service_grpc.pb.go").read_text()
    assert re.search(r"^package shortenerv1$", service, re.MULTILINE)
    assert "func NewLinkServiceClient(" in service


def test_the_example_in_go_imports_what_is_written_without_options(tmp_path: Path) -> None:
    """The prefix that is taken where none is given is that of the example."""
    needs("protoc-gen-go", "protoc-gen-go-grpc")
    write_stubs("go", tmp_path)
    prefix = imports(sorted(tmp_path.rglob("*.go")), r'"([^"]+)/clicktrail/')
    assert prefix == imports([EXAMPLES / "create_links.go"], r'"([^"]+)/clicktrail/') == {"example.com/shop"}


def test_java_has_the_packages_of_the_protos(tmp_path: Path) -> None:
    """Each message has a file of its own in the package of its proto, and so has each service."""
    needs("protoc", "grpc_java_plugin")
    write_stubs("java", tmp_path)
    sources = sorted(tmp_path.rglob("*.java"))
    assert {source.parent.relative_to(tmp_path) for source in sources} == set(PROTOS)
    for source in sources:
        package = ".".join(source.parent.relative_to(tmp_path).parts)
        assert re.search(rf"^package {package};$", source.read_text(), re.MULTILINE), source
    classes = {".".join(source.relative_to(tmp_path).with_suffix("").parts) for source in sources}
    assert imports([EXAMPLES / "CreateLinks.java"], r"import (clicktrail\..+);") <= classes
