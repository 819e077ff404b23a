"""The document of the API, without a server."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest

from gateway.events.operations import PIXEL
from gateway.http.operation import Operation
from gateway.tracker import operations as page_operations
from tests.contract.declared import declared_document


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """Return the document of all operations that modules of the gateway declare."""
    return declared_document()


def operations_of(written: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all operations of a document."""
    return [operation for methods in written["paths"].values() for operation in methods.values()]


def test_names_are_unique(written: dict[str, Any]) -> None:
    """No two operations have one id."""
    names = sorted(operation["operationId"] for operation in operations_of(written))
    assert not [one for one, next_ in pairwise(names) if one == next_]


def test_every_reference_leads_somewhere(written: dict[str, Any]) -> None:
    """What an operation points to is among the components, and no component is empty."""
    for reference in set(re.findall(r'"\$ref": "#/components/(\w+/\w+)"', json.dumps(written))):
        kind, name = reference.split("/")
        assert written["components"][kind][name], reference


def test_every_placeholder_is_a_parameter(written: dict[str, Any]) -> None:
    """And each is required, as a path cannot do without it."""
    for path, methods in written["paths"].items():
        for operation in methods.values():
            named = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path" and one["required"]}
            assert named == set(re.findall(r"{(\w+)}", path)), path


def test_an_annotation_is_enough(written: dict[str, Any]) -> None:
    """A route of an RPC brings its words, parameters, bodies and errors from its proto."""
    create = written["paths"]["/v1/links"]["post"]
    assert create["summary"] == "Creates one link."
    assert {"201", "409", "422"} <= create["responses"].keys()
    assert "404" not in create["responses"]
    listing = {one["name"]: one["schema"] for one in written["paths"]["/v1/links"]["get"]["parameters"]}
    assert listing["limit"] == {"type": "integer", "format": "int32", "minimum": 1, "maximum": 100}
    assert "business_id" not in listing


def test_rules_become_limits(written: dict[str, Any]) -> None:
    """What the proto says of lengths, characters and presence stands in the schema."""
    schemas = written["components"]["schemas"]
    assert schemas["Profile"]["properties"]["id"]["pattern"] == "^[A-Za-z0-9_.-]{1,64}$"
    assert schemas["BatchCreateLinksRequest"]["properties"]["recipients"]["maxItems"] == 10_000
    assert schemas["CreateLinkRequest"]["required"] == ["destination"]
    assert schemas["CreateLinkRequest"]["properties"]["profile"]["type"] == ["string", "null"]
    assert schemas["Link"]["properties"]["expires_at"]["format"] == "date-time"
    assert schemas["Report"]["properties"]["basis"]["enum"] == ["event", "cohort", None]


def test_older_names_of_events_are_there(written: dict[str, Any]) -> None:
    """The schema of an event has every name that is read."""
    properties = written["components"]["schemas"]["EventToSend"]["properties"]
    assert {"session_id", "product_id", "order_parameters", "url", "utm_params", "id"} <= properties.keys()


@pytest.mark.parametrize("operation", [PIXEL, page_operations.CREATE_SESSION])
def test_pages_may_name_their_business_in_the_query(written: dict[str, Any], operation: Operation) -> None:
    """What can carry no headers has another way to say whose it is."""
    described = written["paths"][operation.path][operation.method.lower()]
    assert {"public_id_in_query": []} in described["security"]
