"""Messages as the JSON of the API, and back."""

import json
from typing import Any

import pytest
from google.protobuf.message import Message

from clicktrail.common.v1.types_pb2 import Fault as FaultMessage
from clicktrail.shortener.v1 import link_pb2, link_service_pb2
from clicktrail.tracking.v1 import account_service_pb2, action_service_pb2, profile_service_pb2, report_service_pb2
from common.errors import Fault, FaultType
from common.json_writer import write, write_field
from gateway.json.reader import fill, keys_known, members_of_query
from gateway.json.text import loads


def shown(message: Message) -> Any:
    """Return what a message is written as."""
    return json.loads(write(message))


def filled(message: Message, value: Any, *, is_strict: bool = False) -> list[Fault]:
    """Fill a message from a value and return the faults found."""
    members = loads(json.dumps(value).encode())
    assert isinstance(members, dict)
    faults: list[Fault] = []
    fill(message, members, faults, is_strict=is_strict)
    return faults


def test_a_link_has_every_key() -> None:
    """Null where there is none; what is internal is not there."""
    link = link_pb2.Link(id="a", code="a", destination="https://a.example", business_id="shop")
    link.created_at.FromJsonString("2026-05-04T03:02:01.5Z")
    link.metadata.text = b'{"big":9007199254740993}'
    assert list(shown(link)) == [
        "id", "short_url", "domain", "code", "destination", "campaign", "journey", "message", "profile", "external_id",
        "utm", "expires_at", "fallback_url", "disabled", "metadata", "created_at", "session_parameters",
        "blocked_at", "blocked_reason",
    ]  # fmt: skip
    assert shown(link)["created_at"] == "2026-05-04T03:02:01.500000Z"
    assert shown(link)["metadata"] == {"big": 9007199254740993}
    assert shown(link)["campaign"] is None
    assert shown(link)["disabled"] is False


def test_numbers_of_64_bits_are_numbers() -> None:
    """Not strings, as proto3's own JSON has them."""
    totals = report_service_pb2.Totals(clicks=2**53 + 1, click_through_rate=0.25)
    assert '"clicks":9007199254740993' in write(totals)
    assert '"click_through_rate":0.25' in write(totals)


def test_a_result_of_a_bulk_is_the_link_or_its_errors() -> None:
    """The inlined field stands for its message; without it, it has no key."""
    good = link_service_pb2.LinkResult(external_id="1", link=link_pb2.Link(id="a"))
    assert shown(good)["id"] == "a"
    bad = link_service_pb2.LinkResult(external_id="2", errors=[FaultMessage(type="invalid", description="Bad.")])
    assert shown(bad) == {"external_id": "2", "errors": [{"type": "invalid", "description": "Bad."}]}


def test_what_only_some_have_is_left_out_of_the_others() -> None:
    """A secret that is not told, the device of what is no click, scopes that a report does not have."""
    assert list(shown(account_service_pb2.Token(id="1", name="x"))) == ["id", "name", "created_at"]
    event = shown(profile_service_pb2.Activity(id="1", action="order.placed"))
    click = shown(profile_service_pb2.Activity(id="1", action="short_link.clicked", verdict="human"))
    assert "device" not in event
    assert click["device"] is None
    report = report_service_pb2.Report(campaign="spring", basis=report_service_pb2.REPORT_BASIS_EVENT)
    assert list(shown(report))[:4] == ["campaign", "from", "to", "timezone"]
    assert shown(report)["basis"] == "event"


def test_one_field_can_be_written_alone() -> None:
    """As `response_body` asks."""
    response = link_service_pb2.GetLinkResponse(link=link_pb2.Link(id="a"))
    assert json.loads(write_field(response, "link"))["id"] == "a"


def test_a_request_is_read() -> None:
    """Strings, times, objects and lists; unknown fields and null are ignored, or told where that is wanted."""
    request = link_service_pb2.CreateLinkRequest()
    value = {
        "destination": "https://a.example", "campaign": None, "utm": {"source": "x", "odd": 1}, "odd": [],
        "expires_at": "2026-05-04T00:00:00-03:00", "metadata": {"n": 1.10}, "session_parameters": ["s"],
        "business_id": "another",
    }  # fmt: skip
    assert filled(request, value) == []
    assert request.destination == "https://a.example"
    assert not request.HasField("campaign")
    assert request.utm.source == "x"
    assert request.expires_at.ToJsonString() == "2026-05-04T03:00:00Z"
    assert request.metadata.text == b'{"n":1.1}'
    assert list(request.session_parameters) == ["s"]
    assert request.business_id == ""
    faults = filled(link_service_pb2.CreateLinkRequest(), value, is_strict=True)
    assert {fault.parameter for fault in faults} == {"odd", "utm.odd", "business_id"}


def test_all_faults_are_found_at_once_with_their_paths() -> None:
    """Each names the field as the sender wrote it."""
    request = link_service_pb2.BatchCreateLinksRequest()
    value = {
        "template": {"destination": 7, "expires_at": "2026-05-04T00:00:00", "metadata": [1], "utm": "x"},
        "recipients": [{"profile": "ana"}, "x", {"profile": "\u0000"}, {"profile": "\ud800"}],
    }
    faults = filled(request, value)
    assert {fault.parameter for fault in faults} == {
        "template.destination", "template.expires_at", "template.metadata", "template.utm",
        "recipients.1", "recipients.2.profile", "recipients.3.profile",
    }  # fmt: skip
    assert {fault.type for fault in faults} == {FaultType.INVALID}


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "2026-05-04",
        "2026-05-04T00:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "1969-12-31T23:59:59Z",
        "9999-01-01T00:00:00Z",
        7,
        True,
        {},
    ],
)
def test_a_time_needs_an_offset_and_a_year(value: object) -> None:
    """Without one it would mean another moment elsewhere."""
    assert [fault.parameter for fault in filled(link_pb2.LinkTemplate(), {"expires_at": value})] == ["expires_at"]


@pytest.mark.parametrize("value", ["true", 1, 0, {}])
def test_a_truth_value_is_no_string(value: object) -> None:
    """True and false alone are taken."""
    assert filled(action_service_pb2.Action(), {"conversion": value})


def test_a_query_is_read_like_a_body() -> None:
    """Numbers and words are told by the field."""
    descriptor: Any = report_service_pb2.GetReportRequest.DESCRIPTOR
    members = members_of_query(descriptor, [("from", "2026-05-04T00:00:00Z"), ("basis", "cohort"), ("odd", "1")])
    request, faults = report_service_pb2.GetReportRequest(), list[Fault]()
    fill(request, members, faults)
    assert not faults
    assert request.basis == report_service_pb2.REPORT_BASIS_COHORT
    assert request.from_time.seconds
    listing = profile_service_pb2.ListProfilesRequest()
    fill(listing, members_of_query(listing.DESCRIPTOR, [("limit", "7")]), faults)
    assert listing.limit == 7
    fill(listing, members_of_query(listing.DESCRIPTOR, [("limit", "x")]), faults)
    fill(request, members_of_query(descriptor, [("basis", "other"), ("to", "x")]), faults)
    assert [fault.parameter for fault in faults] == ["limit", "to", "basis"]


@pytest.mark.parametrize(
    ("sent", "zone", "meant"),
    [
        ("2026-11-29", "America/Montevideo", "2026-11-29T03:00:00Z"),
        ("2026-11-29T12:30", "America/Montevideo", "2026-11-29T15:30:00Z"),
        ("2026-07-01 00:00:00", "Europe/Berlin", "2026-06-30T22:00:00Z"),
        ("2026-12-01", "Asia/Kathmandu", "2026-11-30T18:15:00Z"),
        ("2026-11-29", "UTC", "2026-11-29T00:00:00Z"),
        ("2026-11-29T00:00:00Z", "America/Montevideo", "2026-11-29T00:00:00Z"),
        ("2026-11-29T00:00:00 02:00", "America/Montevideo", "2026-11-28T22:00:00Z"),
    ],
)
def test_beside_a_time_zone_a_time_needs_no_offset(sent: str, zone: str, meant: str) -> None:
    """A day begins at its own midnight; an offset that is there counts."""
    request, faults = report_service_pb2.GetReportRequest(), list[Fault]()
    fill(request, members_of_query(request.DESCRIPTOR, [("timezone", zone), ("from", sent), ("to", sent)]), faults)
    assert not faults
    assert request.from_time.ToJsonString() == request.to_time.ToJsonString() == meant


@pytest.mark.parametrize(
    ("sent", "zone"),
    [("2026-11-29", ""), ("2026-11-29", "Mars"), ("29/11/2026", "UTC"), ("", "UTC"), ("2026-11-29T00:00", "../UTC")],
)
def test_a_time_that_nothing_places_is_at_fault(sent: str, zone: str) -> None:
    """It would be another one for each reader."""
    request, faults = report_service_pb2.GetReportRequest(), list[Fault]()
    fill(request, members_of_query(request.DESCRIPTOR, [("from", sent), ("timezone", zone)]), faults)
    assert [fault.parameter for fault in faults] == ["from"]


def test_known_keys_are_the_fields_of_a_change() -> None:
    """Also null ones: they clear the field."""
    sent = {"destination": "https://a.example", "odd": 1, "fallback_url": None}
    assert keys_known(link_service_pb2.LinkChange.DESCRIPTOR, sent) == ["destination", "fallback_url"]
