"""Creating links one at a time, reading, changing and disabling them."""

from datetime import timedelta

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from redis.asyncio import Redis

from clicktrail.common.v1 import types_pb2
from clicktrail.shortener.v1 import link_pb2, link_service_pb2, redirect_service_pb2
from common import clock
from common.errors import Kind, Reason
from tests.integration.shortener_service.conftest import Start
from tests.support.shortener_service.callers import BUSINESS, DESTINATION, SECONDS, Caller, fields_of, looking, refusal
from tests.support.shortener_service.tracking_peer import Tracking
from tests.support.waiting import eventually

REDIRECT = redirect_service_pb2.OUTCOME_KIND_REDIRECT
GONE = redirect_service_pb2.OUTCOME_KIND_GONE


async def test_a_link_is_as_it_was_asked_for(shortener: Caller) -> None:
    """A link has what it was created with, a code of six characters, and can be read again."""
    expires_at = clock.to_timestamp(clock.now() + timedelta(days=1))
    link = await shortener.create(
        campaign="spring",
        message="m1",
        profile="p-1",
        external_id="e1",
        utm=types_pb2.Utm(source="hellotext", medium="sms"),
        expires_at=expires_at,
        fallback_url="https://shop.example.com/over",
        session_parameters=["sid", "attributes[hello_session]"],
        metadata=types_pb2.Json(text=b'{"a": 1e400}'),
    )
    assert len(link.code) == 6
    assert link.id == link.code
    assert link.short_url == f"http://localhost:8080/{link.code}"
    assert (link.campaign, link.message, link.profile, link.external_id) == ("spring", "m1", "p-1", "e1")
    assert link.expires_at == expires_at
    assert link.metadata.text == b'{"a": 1e400}'
    assert not link.HasField("journey")
    request = link_service_pb2.GetLinkRequest(business_id=BUSINESS, id=link.id)
    read = await shortener.links.GetLink(request, timeout=SECONDS)
    assert read.link == link


async def test_a_link_goes_to_tracking(shortener: Caller, tracking: Tracking) -> None:
    """A new link is delivered to its second home, its business included."""
    link = await shortener.create(campaign="spring")
    copies = await eventually(looking(lambda: tracking.links), bool)
    assert copies[0].link == link
    assert copies[0].link.business_id == BUSINESS
    assert copies[0].revision == link.created_at.seconds * 1000
    assert copies[0].template


async def test_a_business_that_there_is_not_has_no_links(shortener: Caller, tracking: Tracking) -> None:
    """A misspelt one is told, by whichever call; one that is known is asked for once."""
    tracking.accounts.unknown = {"nobody", "bulkshop"}
    for business in ("nobody", "bulkshop"):
        request = link_service_pb2.CreateLinkRequest(business_id=business, destination=DESTINATION)
        error = await refusal(shortener.links.CreateLink(request, timeout=SECONDS))
        assert fields_of(error) == {"business_id"}
    template = link_pb2.LinkTemplate(destination=DESTINATION)
    batch = link_service_pb2.BatchCreateLinksRequest(
        business_id="nobody", template=template, recipients=[link_pb2.Recipient(profile="ana")]
    )
    error = await refusal(shortener.links.BatchCreateLinks(batch, timeout=SECONDS))
    assert fields_of(error) == {"template.business_id"}
    tracking.accounts.unknown.clear()
    for _ in range(3):
        assert (await shortener.create()).code
    assert tracking.accounts.asked.count(BUSINESS) == 1


async def test_a_known_business_goes_on_while_tracking_is_away(
    shortener: Caller, start: Start, tracking: Tracking
) -> None:
    """Also by another process: Redis remembers it; one that is not known cannot be told then."""
    await shortener.create()
    await tracking.stop()
    other = await start()
    for caller in (shortener, other):
        assert (await caller.create()).code
    request = link_service_pb2.CreateLinkRequest(business_id="new-shop", destination=DESTINATION)
    error = await refusal(other.links.CreateLink(request, timeout=SECONDS))
    assert error.kind is Kind.UNAVAILABLE


async def test_all_faults_are_told_at_once(shortener: Caller) -> None:
    """Everything wrong with a link is named at once, each fault with its field."""
    error = await refusal(
        shortener.create(
            destination="ftp://x",
            campaign="a",
            journey="b",
            message="x" * 101,
            profile="no spaces",
            external_id="\0",
            code="a/b",
            domain="nowhere.example.com",
            expires_at=clock.to_timestamp(clock.EPOCH),
            fallback_url="javascript:x",
            session_parameters=["a b"],
            metadata=types_pb2.Json(text=b"[1]"),
            utm=types_pb2.Utm(term="x" * 201),
        )
    )
    assert error.reason is Reason.INVALID_REQUEST
    assert fields_of(error) == {
        "destination", "campaign", "message", "profile", "external_id", "code", "domain", "expires_at", "fallback_url",
        "session_parameters", "metadata", "utm.term",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["a b", "a&b", "a=b", "a%5Bb%5D", "a{b}", "a#b", "ä", "", "x" * 65])
async def test_the_name_of_a_parameter(shortener: Caller, name: str) -> None:
    """Letters, digits, dashes, underscores and brackets, and nothing that an address means something by."""
    assert fields_of(await refusal(shortener.create(session_parameters=[name]))) == {"session_parameters"}


@pytest.mark.parametrize(
    ("parameter", "name"),
    [("campaign", " "), ("campaign", ".."), ("journey", "."), ("message", "m1 "), ("external_id", "\u00a0e1")],
)
async def test_a_name_can_be_told_from_another_and_asked_for(shortener: Caller, parameter: str, name: str) -> None:
    """White space at its ends is refused, and so is what clients take out of the path of a campaign's report."""
    assert fields_of(await refusal(shortener.create(**{parameter: name}))) == {parameter}


async def test_a_time_out_of_this_world(shortener: Caller) -> None:
    """An expiry that no calendar has is refused by name."""
    assert fields_of(await refusal(shortener.create(expires_at=Timestamp(seconds=10**15)))) == {"expires_at"}


@pytest.mark.parametrize("destination", ["http://localhost:8080/x", "http://127.0.0.1:8080/abcdef"])
async def test_a_link_never_leads_to_us(shortener: Caller, destination: str) -> None:
    """A destination that is our own host is refused."""
    assert fields_of(await refusal(shortener.create(destination=destination))) == {"destination"}


async def test_a_custom_code_is_given_once(shortener: Caller) -> None:
    """A custom code is taken as it is, a second link for it refused, and one of our own paths never given."""
    assert (await shortener.create(code="Summer-24")).code == "Summer-24"
    error = await refusal(shortener.create(code="Summer-24"))
    assert error.reason is Reason.CODE_TAKEN
    assert fields_of(error) == {"code"}
    assert (await shortener.create(code="summer-24")).code == "summer-24"
    assert fields_of(await refusal(shortener.create(code="healthz"))) == {"code"}


async def test_a_custom_code_is_repeated_with_its_external_id(shortener: Caller) -> None:
    """The same custom code for the same external id is the same link, unless its content differs."""
    link = await shortener.create(code="summer", external_id="e1")
    assert await shortener.create(code="summer", external_id="e1") == link
    error = await refusal(shortener.create(code="summer", external_id="e1", profile="another"))
    assert error.reason is Reason.EXTERNAL_ID_TAKEN
    assert (await refusal(shortener.create(code="summer", external_id="e2"))).reason is Reason.CODE_TAKEN


async def test_an_external_id_has_one_link(shortener: Caller) -> None:
    """A repeated creation finds its link; another profile or template under the same external id is a conflict."""
    link = await shortener.create(campaign="spring", external_id="e1", profile="p1")
    assert await shortener.create(campaign="spring", external_id="e1", profile="p1") == link
    for difference in ({"profile": "p2"}, {"destination": "https://other.example.com/"}):
        values = {"campaign": "spring", "external_id": "e1", "profile": "p1"} | difference
        error = await refusal(shortener.create(**values))
        assert error.reason is Reason.EXTERNAL_ID_TAKEN
        assert fields_of(error) == {"external_id"}
    other = await shortener.create(campaign="autumn", external_id="e1", profile="p1")
    assert other.code != link.code
    assert (await shortener.create(business_id="other", campaign="spring", external_id="e1")).code != link.code


async def test_a_link_is_its_owners(shortener: Caller) -> None:
    """Another business neither reads, changes nor disables a link; to it there is none."""
    link = await shortener.create()
    pb, links = link_service_pb2, shortener.links
    requests = (
        links.GetLink(pb.GetLinkRequest(business_id="other", id=link.id), timeout=SECONDS),
        links.UpdateLink(pb.UpdateLinkRequest(business_id="other", id=link.id), timeout=SECONDS),
        links.DisableLink(pb.DisableLinkRequest(business_id="other", id=link.id), timeout=SECONDS),
        links.GetLink(pb.GetLinkRequest(business_id=BUSINESS, id="../x"), timeout=SECONDS),
    )
    for request in requests:
        assert (await refusal(request)).reason is Reason.LINK_UNKNOWN


async def test_a_change_is_seen_at_once(shortener: Caller, tracking: Tracking) -> None:
    """A changed link redirects to its new destination, its copy has a later revision, and a repetition does nothing."""
    link = await shortener.create(external_id="e1", utm=types_pb2.Utm(source="sms"))
    sibling = await shortener.create(external_id="e2", utm=types_pb2.Utm(source="sms"))
    assert (await shortener.click(link.code)).location.startswith("https://shop.example.com/")
    change = link_service_pb2.LinkChange(destination="https://new.example.com/x")
    for _ in range(2):
        changed = await _update(shortener, link.id, change, "destination", "utm")
        assert changed.destination == "https://new.example.com/x"
        assert not changed.HasField("utm")
    assert (await shortener.click(link.code)).location.startswith("https://new.example.com/x?hellotext_session=")
    assert (await shortener.click(sibling.code)).location.startswith("https://shop.example.com/")
    look = looking(lambda: [copy for copy in tracking.links if copy.link.id == link.id])
    copies = await eventually(look, lambda seen: len(seen) == 2)
    assert copies[1].revision > copies[0].revision
    assert copies[1].link == changed
    # A repeated creation compares with what was created, not with what became of it.
    assert await shortener.create(external_id="e1", utm=types_pb2.Utm(source="sms")) == changed


async def test_a_change_is_checked(shortener: Caller) -> None:
    """A change names what is wrong with it, and what cannot be changed."""
    link = await shortener.create()
    bad = link_service_pb2.LinkChange(destination="ftp://x", metadata=types_pb2.Json(text=b"x"))
    error = await refusal(_update(shortener, link.id, bad, "destination", "metadata"))
    assert fields_of(error) == {"destination", "metadata"}
    assert fields_of(await refusal(_update(shortener, link.id, bad, "campaign"))) == {"campaign"}
    cleared = link_service_pb2.LinkChange()
    assert fields_of(await refusal(_update(shortener, link.id, cleared, "destination"))) == {"destination"}


async def test_a_disabled_link_is_gone(shortener: Caller) -> None:
    """A disabled link answers 410 at once, keeps its code, and works again when it is switched on."""
    link = await shortener.create(code="summer")
    assert (await shortener.click("summer")).kind == REDIRECT
    for _ in range(2):
        await shortener.disable(link.id)
    assert (await shortener.click("summer")).kind == GONE
    assert (await refusal(shortener.create(code="summer"))).reason is Reason.CODE_TAKEN
    assert not (await _update(shortener, link.id, link_service_pb2.LinkChange(disabled=False), "disabled")).disabled
    assert (await shortener.click("summer")).kind == REDIRECT


async def test_an_expired_link_leads_to_its_fallback(shortener: Caller) -> None:
    """An expired link answers 410, or leads to its fallback as that stands, without a click."""
    link = await shortener.create(destination=DESTINATION, code="over")
    expired = link_service_pb2.LinkChange(expires_at=clock.to_timestamp(clock.EPOCH))
    await _update(shortener, link.id, expired, "expires_at")
    assert (await shortener.click("over")).kind == GONE
    fallback = link_service_pb2.LinkChange(fallback_url="https://shop.example.com/over?x=1")
    await _update(shortener, link.id, fallback, "fallback_url")
    outcome = await shortener.click("over")
    assert (outcome.kind, outcome.location, outcome.session) == (REDIRECT, "https://shop.example.com/over?x=1", "")
    found = await shortener.redirects.LookUpCode(
        redirect_service_pb2.LookUpCodeRequest(host="localhost", code="over"), timeout=SECONDS
    )
    assert found.link.code == "over"
    assert not found.is_live


async def test_equal_links_share_a_template(shortener: Caller, redis: Redis) -> None:
    """Links with equal content share one template in the store."""
    for number in range(10):
        await shortener.create(campaign="spring", profile=f"p{number}")
    assert len(await redis.keys("*:t:*")) == 1


async def _update(shortener: Caller, link_id: str, change: link_service_pb2.LinkChange, *paths: str) -> link_pb2.Link:
    request = link_service_pb2.UpdateLinkRequest(
        business_id=BUSINESS, id=link_id, link=change, update_mask=FieldMask(paths=paths)
    )
    return (await shortener.links.UpdateLink(request, timeout=SECONDS)).link
