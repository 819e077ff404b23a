"""Profiles are created, changed and listed, with what their people did."""

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from clicktrail.common.v1 import types_pb2
from clicktrail.tracking.v1 import click_pb2
from clicktrail.tracking.v1 import profile_service_pb2 as pb
from common.errors import Reason
from tests.support.tracking_service.calling import SECONDS, Caller, failure, faults
from tests.support.tracking_service.clicking import click
from tests.support.tracking_service.events import event, order

pytestmark = pytest.mark.usefixtures("business")


async def create(caller: Caller, business_id: str = "shop", **fields: Any) -> pb.Profile:
    """Create a profile."""
    request = pb.CreateProfileRequest(business_id=business_id, profile=pb.Profile(**fields))
    return (await caller.profiles.CreateProfile(request, timeout=SECONDS)).profile


async def read(caller: Caller, profile: str, business_id: str = "shop") -> pb.Profile:
    """Read a profile."""
    request = pb.GetProfileRequest(business_id=business_id, id=profile)
    return (await caller.profiles.GetProfile(request, timeout=SECONDS)).profile


async def change(caller: Caller, profile: str, *paths: str, **fields: Any) -> pb.Profile:
    """Change the fields named of a profile."""
    request = pb.UpdateProfileRequest(
        business_id="shop", id=profile, profile=pb.Profile(**fields), update_mask=FieldMask(paths=paths)
    )
    return (await caller.profiles.UpdateProfile(request, timeout=SECONDS)).profile


async def page(caller: Caller, **fields: Any) -> tuple[list[str], bool]:
    """Return the ids of a page of profiles, and whether there are more."""
    request = pb.ListProfilesRequest(business_id="shop", **fields)
    answer = await caller.profiles.ListProfiles(request, timeout=SECONDS)
    return [profile.id for profile in answer.profiles], answer.has_more


SHOPIFY_7 = pb.Identity(source="shopify", user_id="7")
SHOPIFY_8 = pb.Identity(source="shopify", user_id="8")


async def test_a_profile_is_read_as_it_was_created(caller: Caller) -> None:
    """Metadata to the letter."""
    metadata = types_pb2.Json(text=b'{"big": 9007199254740993, "nul": "\\u0000"}')
    made = await create(
        caller, id="ana", name="Ana", email="ana@example.com", phone="+598", identities=[SHOPIFY_7], metadata=metadata
    )
    assert await read(caller, "ana") == made
    assert (made.metadata, list(made.identities)) == (metadata, [SHOPIFY_7])


async def test_a_profile_without_an_id_gets_one(caller: Caller) -> None:
    """Two of them are two people, whatever their e-mail address."""
    first, second = [await create(caller, email="ana@example.com") for _ in range(2)]
    assert first.id != second.id


async def test_ids_and_identities_are_given_once(caller: Caller) -> None:
    """A profile whose identity is another's is not created."""
    await create(caller, id="ana", identities=[SHOPIFY_7])
    taken = await failure(create(caller, id="ana"))
    assert (taken.reason, faults(taken)) == (Reason.PROFILE_TAKEN, [("conflict", "id")])
    assigned = await failure(create(caller, id="ben", identities=[SHOPIFY_8, SHOPIFY_7]))
    assert (assigned.reason, faults(assigned)) == (Reason.IDENTITY_TAKEN, [("parameter_not_unique", "identities")])
    assert (await failure(read(caller, "ben"))).reason is Reason.PROFILE_UNKNOWN


async def test_every_fault_of_a_profile_is_named(caller: Caller) -> None:
    """All at once; a NUL too, and JSON that is none."""
    error = await failure(create(caller, id="a b", name="n" * 201, metadata=types_pb2.Json(text=b"[]")))
    assert faults(error) == [("invalid", "id"), ("invalid", "name"), ("invalid", "metadata")]
    nul = await failure(create(caller, name="a\0b", identities=[pb.Identity(source="\0", user_id="7")]))
    assert faults(nul) == [("invalid", "name"), ("invalid", "identities.source")]
    latin = await failure(create(caller, metadata=types_pb2.Json(text=b'{"a": "\xe9"}')))
    assert faults(latin) == [("invalid", "metadata")]


async def test_businesses_know_nothing_of_each_other(caller: Caller) -> None:
    """Another business's profile is unknown, and an unknown business has none."""
    await create(caller, id="ana")
    assert (await failure(read(caller, "ana", "other"))).reason is Reason.PROFILE_UNKNOWN
    assert (await failure(create(caller, "other", id="ana"))).reason is Reason.BUSINESS_UNKNOWN


async def test_the_fields_named_are_changed(caller: Caller) -> None:
    """One that is named and absent is cleared; identities are replaced."""
    await create(caller, id="ana", name="Ana", phone="+598", identities=[SHOPIFY_7])
    changed = await change(caller, "ana", "name", "phone", "identities", name="Anna", identities=[SHOPIFY_8])
    assert (changed.name, changed.HasField("phone"), list(changed.identities)) == ("Anna", False, [SHOPIFY_8])
    assert await change(caller, "ana", email="ignored@example.com") == changed
    await create(caller, id="ben", identities=[SHOPIFY_7])
    assert (await failure(change(caller, "ana", "identities", identities=[SHOPIFY_7]))).reason is Reason.IDENTITY_TAKEN


async def test_a_change_names_what_it_cannot_do(caller: Caller) -> None:
    """An unknown profile; fields that are fixed; values that are wrong."""
    assert (await failure(change(caller, "ana", "name", name="Ana"))).reason is Reason.PROFILE_UNKNOWN
    error = await failure(change(caller, "ana", "id", "created_at", "name", name="n" * 201))
    assert faults(error) == [("invalid", "created_at"), ("invalid", "id"), ("invalid", "name")]


async def test_profiles_are_paged_in_both_directions(caller: Caller) -> None:
    """Newest first; a cursor that is no profile is named."""
    for number in range(5):
        await create(caller, id=f"p{number}")
    assert await page(caller, limit=2) == (["p4", "p3"], True)
    assert await page(caller, limit=2, starting_after="p3") == (["p2", "p1"], True)
    assert await page(caller, limit=2, starting_after="p1") == (["p0"], False)
    assert await page(caller, limit=2, ending_before="p1") == (["p3", "p2"], True)
    assert await page(caller, limit=2, ending_before="p3") == (["p4"], False)
    assert faults(await failure(page(caller, starting_after="nobody"))) == [("invalid", "starting_after")]
    assert faults(await failure(page(caller, limit=101))) == [("invalid", "limit")]


async def test_activities_are_clicks_and_events_newest_first(caller: Caller) -> None:
    """With link, campaign, object, amount; paged."""
    minted = click(profile="ana")
    await caller.deliver(minted)
    bought = await caller.track(order(session=minted.session, amount="395", currency="USD", metadata={"a": 1}))
    viewed = await caller.track(event(session=minted.session, page={"url": "https://shop.example.com/"}), minutes=1)
    view, purchase, clicked = await caller.activities("ana")
    assert (view.id, view.action, view.url) == (viewed.id, "page.viewed", "https://shop.example.com/")
    assert (purchase.id, purchase.campaign, purchase.link) == (bought.id, "spring", "abc")
    assert (purchase.amount.amount, purchase.amount.currency) == ("395.00", "USD")
    assert (b'"reference": "1001"' in purchase.object.text, purchase.metadata.text) == (True, b'{"a": 1}')
    assert (clicked.action, clicked.verdict, clicked.session) == ("short_link.clicked", "human", minted.session)
    assert [one.id for one in await caller.activities("ana", limit=1, starting_after=view.id)] == [purchase.id]
    assert [one.id for one in await caller.activities("ana", ending_before=purchase.id)] == [view.id]


PROGRAMS = (
    click_pb2.VERDICT_BOT,
    click_pb2.VERDICT_PREVIEW,
    click_pb2.VERDICT_SCANNER,
    click_pb2.VERDICT_PREFETCH,
    click_pb2.VERDICT_HEAD,
)


async def test_activities_are_what_the_person_did(caller: Caller) -> None:
    """What programs did with the person's links is told when it is asked for; pages are full either way."""
    seen = [click(minutes, profile="ana", verdict=verdict) for minutes, verdict in enumerate(PROGRAMS)]
    first, last = click(-1, profile="ana"), click(len(PROGRAMS), profile="ana")
    await caller.deliver(first, *seen, last)
    clicked = await caller.activities("ana")
    assert [one.verdict for one in clicked] == ["human", "human"]
    assert [one.id for one in await caller.activities("ana", limit=2)] == [one.id for one in clicked]
    everything = await caller.activities("ana", include=pb.ACTIVITY_INCLUSION_ALL)
    assert [one.verdict for one in everything] == ["human", "head", "prefetch", "scanner", "preview", "bot", "human"]
    behind = await caller.activities("ana", limit=1, starting_after=everything[3].id)
    assert [one.id for one in behind] == [clicked[1].id]
    assert [one.id for one in await caller.activities("ana", ending_before=everything[3].id)] == [clicked[0].id]


async def test_activities_name_what_is_wrong(caller: Caller) -> None:
    """Nobody of that name, or a cursor that is none of this person's."""
    assert (await failure(caller.activities("ana"))).reason is Reason.PROFILE_UNKNOWN
    await create(caller, id="ana")
    assert await caller.activities("ana") == []
    for cursor in ("no uuid", "00000000-0000-0000-0000-000000000001"):
        assert faults(await failure(caller.activities("ana", ending_before=cursor))) == [("invalid", "ending_before")]
