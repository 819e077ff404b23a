"""Sessions and what happened in them go to whom the evidence gives them, in whatever order it comes."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from clicktrail.tracking.v1 import click_pb2, event_pb2, profile_service_pb2, report_service_pb2
from common.clock import to_timestamp
from tests.integration.tracking_service.reports.test_worked_example import settle
from tests.support.tracking_service.calling import SECONDS, Caller
from tests.support.tracking_service.clicking import click
from tests.support.tracking_service.events import event, order
from tests.support.tracking_service.worked_example import at

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

Step = Callable[[], Awaitable[Any]]
PAGE = event_pb2.CREDENTIAL_PUBLIC

ANAS = click(profile="ana", link="l-ana")
ANAS_LATER = click(400, seed=2, profile="ana", link="l-ana")
BENS = click(60, seed=3, profile="ben", link="l-ben")
SHARED = click(30, seed=4, link="shared", campaign="open")
SHARED_LATER = click(90, seed=5, link="shared", campaign="open")


class Told(NamedTuple):
    """A case: what happens, and what is so afterwards.

    owners is whose sessions are, holders whose ids are: a profile, or `page of` the id that has a page profile.
    earned is the revenue by campaign, visitors the unique clickers.
    """

    steps: Callable[[Caller], list[Step]]
    owners: Mapping[str, str | None]
    holders: Mapping[str, str]
    earned: Mapping[str, str]
    visitors: Mapping[str, int]


def said(caller: Caller, session: str, user_id: str, minutes: float = 120, **fields: Any) -> Step:
    """Return the step of a page that says who it is."""
    received_at = to_timestamp(at(minutes))
    return partial(caller.identify, session, user_id, source="shop", received_at=received_at, **fields)


def clicked(caller: Caller, one: click_pb2.Click) -> Step:
    """Return the delivery of a click."""
    return partial(caller.deliver, one)


def bought(caller: Caller, session: str, reference: str, amount: str, minutes: float = 130) -> Step:
    """Return the step of a page that tells of an order."""
    sent = order(reference=reference, session=session, amount=amount, currency="USD")
    received_at = to_timestamp(at(minutes))
    return partial(caller.track, sent, key=f"order {reference}", credential=PAGE, received_at=received_at)


CASES = {
    "a recipient logs in after the click": Told(
        lambda caller: [
            clicked(caller, ANAS),
            said(caller, ANAS.session, "7"),
            said(caller, "her-tablet", "7", 125),
            bought(caller, "her-tablet", "1001", "10"),
        ],
        {ANAS.session: "ana", "her-tablet": "ana"},
        {"7": "ana"},
        {"spring": "10.00"},
        {"spring": 1},
    ),
    "a known customer logged in before the click": Told(
        lambda caller: [
            said(caller, "her-laptop", "7", 10, name="Ana", email="ana@example.com"),
            bought(caller, "her-laptop", "1001", "10", 405),
            clicked(caller, ANAS_LATER),
            said(caller, ANAS_LATER.session, "7", 401),
        ],
        {"her-laptop": "ana", ANAS_LATER.session: "ana"},
        {"7": "ana"},
        {"spring": "10.00"},
        {"spring": 1},
    ),
    "a message is forwarded, and the friend logs in": Told(
        lambda caller: [
            clicked(caller, ANAS),
            said(caller, ANAS.session, "8"),
            bought(caller, ANAS.session, "1001", "10"),
            bought(caller, "his-desk", "1002", "5", 150),
            said(caller, "his-desk", "8", 140),
            clicked(caller, BENS),
            said(caller, BENS.session, "8", 145),
        ],
        {ANAS.session: "ana", BENS.session: "ben", "his-desk": "page of 8"},
        {"8": "page of 8"},
        {"spring": "10.00"},
        {"spring": 2},
    ),
    "an address is copied to somebody who has clicked": Told(
        lambda caller: [
            clicked(caller, ANAS),
            clicked(caller, BENS),
            said(caller, ANAS.session, "7", 61, earlier_session=BENS.session, email="ben@example.com"),
            said(caller, "his-desk", "7", 140),
            bought(caller, "his-desk", "1001", "5", 150),
        ],
        {ANAS.session: "ana", BENS.session: "ben", "his-desk": "ben"},
        {"7": "ben"},
        {"spring": "5.00"},
        {"spring": 2},
    ),
    "one phone has two people": Told(
        lambda caller: [
            clicked(caller, ANAS),
            said(caller, ANAS.session, "7", 5),
            said(caller, ANAS.session, "8", 6),
            said(caller, "his-desk", "8", 140),
        ],
        {ANAS.session: "ana", "his-desk": "page of 8"},
        {"7": "ana", "8": "page of 8"},
        {},
        {"spring": 1},
    ),
    "ids are claimed in advance": Told(
        lambda caller: [
            clicked(caller, BENS),
            *(said(caller, BENS.session, str(number), 70 + number) for number in range(7, 30)),
            clicked(caller, ANAS_LATER),
            said(caller, ANAS_LATER.session, "7", 405),
            said(caller, "another-one", "20", 410),
        ],
        {BENS.session: "ben", ANAS_LATER.session: "ana", "another-one": "page of 20"},
        {"7": "page of 7", "8": "page of 8", "9": "page of 9", "20": "page of 20"},
        {},
        {"spring": 2},
    ),
    "contact data are a stranger's": Told(
        lambda caller: [
            clicked(caller, ANAS),
            said(caller, ANAS.session, "8", email="Somebody@example.com", phone="+598 99 1", name="Somebody"),
            said(caller, "her-tablet", "7", 130, email=" ANA@example.com"),
            said(caller, ANAS_LATER.session, "7", 405, email=" ANA@example.com"),
            clicked(caller, ANAS_LATER),
        ],
        {ANAS.session: "ana", ANAS_LATER.session: "ana", "her-tablet": "ana"},
        {"7": "ana", "8": "page of 8"},
        {},
        {"spring": 1},
    ),
    "who clicked a shared link twice is one visitor": Told(
        lambda caller: [
            clicked(caller, SHARED),
            clicked(caller, SHARED_LATER),
            said(caller, SHARED.session, "7", 100),
            said(caller, SHARED_LATER.session, "7", 101),
            bought(caller, "her-tablet", "1001", "10"),
            said(caller, "her-tablet", "7", 140),
        ],
        {SHARED.session: "page of 7", SHARED_LATER.session: "page of 7", "her-tablet": "page of 7"},
        {"7": "page of 7"},
        {"open": "10.00"},
        {"open": 1},
    ),
    "two visitors of a shared link turn out to be two recipients": Told(
        lambda caller: [
            clicked(caller, SHARED),
            clicked(caller, SHARED_LATER),
            said(caller, SHARED.session, "7", 100),
            said(caller, SHARED_LATER.session, "7", 101),
            said(caller, SHARED_LATER.session, "8", 99),
            clicked(caller, BENS),
            said(caller, BENS.session, "8", 102),
        ],
        {SHARED.session: "page of 7", SHARED_LATER.session: "ben", BENS.session: "ben"},
        {"7": "page of 7", "8": "ben"},
        {},
        {"open": 2, "spring": 1},
    ),
}


async def found(database: "Database") -> tuple[dict[str, str | None], dict[str, str]]:
    """Return whose the sessions and the ids are, page profiles by their ids."""
    label = "CASE WHEN p.is_page THEN 'page of ' || (SELECT min(x.user_id) FROM identities x WHERE x.profile_key = p.profile_key) ELSE p.id END"  # noqa: E501
    sessions = await database.fetch(
        f"SELECT s.id, {label} AS owner FROM sessions s LEFT JOIN profiles p USING (business_id, profile_key)"  # noqa: S608
    )
    holders = await database.fetch(
        f"SELECT i.user_id, {label} AS owner FROM identities i JOIN profiles p USING (business_id, profile_key)"  # noqa: S608
    )
    return {row["id"]: row["owner"] for row in sessions}, {row["user_id"]: row["owner"] for row in holders}


async def hold(told: Told, caller: Caller, database: "Database") -> None:
    """Hold everything to what a case tells."""
    await settle(database)
    assert await found(database) == (told.owners, told.holders)
    # Activities are those of the sessions' owners; no profile is there that nobody is.
    strays = """
        SELECT count(*) FROM activities a JOIN sessions s ON (s.business_id, s.id) = (a.business_id, a.session)
        WHERE a.profile_key IS DISTINCT FROM s.profile_key"""
    assert await database.fetchval(strays) == 0
    ghosts = "SELECT count(*) FROM profiles p WHERE is_page AND NOT EXISTS (SELECT FROM identities i WHERE i.profile_key = p.profile_key)"  # noqa: E501
    assert await database.fetchval(ghosts) == 0
    for campaign in ("spring", "open"):
        totals = (await caller.report(campaign=campaign)).totals
        revenue = [one.amount for one in totals.revenue]
        assert revenue == ([told.earned[campaign]] if campaign in told.earned else []), campaign
        assert totals.unique_clickers == told.visitors.get(campaign, 0), campaign
    recounted = await caller.reports.Reconcile(report_service_pb2.ReconcileRequest(business_id="shop"), timeout=SECONDS)
    assert list(recounted.differences) == []
    ana = await read(caller, "ana")
    assert (ana.email, ana.phone, ana.name) == ("ana@example.com", "", "")


async def read(caller: Caller, profile: str) -> profile_service_pb2.Profile:
    """Read a profile."""
    request = profile_service_pb2.GetProfileRequest(business_id="shop", id=profile)
    return (await caller.profiles.GetProfile(request, timeout=SECONDS)).profile


async def create(caller: Caller, profile: str, **fields: Any) -> None:
    """Create a profile by a private token."""
    message = profile_service_pb2.Profile(id=profile, **fields)
    request = profile_service_pb2.CreateProfileRequest(business_id="shop", profile=message)
    await caller.profiles.CreateProfile(request, timeout=SECONDS)


@pytest.mark.parametrize("case", CASES)
async def test_each_case_ends_as_it_should(caller: Caller, database: "Database", case: str) -> None:
    """One step after the other, each decided on before the next."""
    await create(caller, "ana", email="ana@example.com")
    for step in CASES[case].steps(caller):
        await step()
        await settle(database)
    await hold(CASES[case], caller, database)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", CASES)
async def test_shuffled_and_doubled_it_ends_the_same(
    caller: Caller, database: "Database", case: str, seed: int
) -> None:
    """In any order, each step twice, all at once."""
    await create(caller, "ana", email="ana@example.com")
    steps = CASES[case].steps(caller) * 2
    random.Random(f"{case} {seed}").shuffle(steps)  # noqa: S311  (the same each time)
    await asyncio.gather(*(step() for step in steps))
    await hold(CASES[case], caller, database)


async def test_activities_move_with_their_sessions(caller: Caller, database: "Database") -> None:
    """Older visits appear once it is known whose they were, and go where it turns out otherwise."""
    await caller.track(event(session="her-laptop"), credential=PAGE)
    await said(caller, "her-laptop", "7", 10)()
    await caller.deliver(ANAS_LATER)
    await said(caller, ANAS_LATER.session, "7", 401)()
    await settle(database)
    actions = ["short_link.clicked", "page.viewed"]
    assert [one.action for one in await caller.activities("ana")] == actions
    await caller.deliver(BENS)
    await said(caller, BENS.session, "7", 402)()
    await settle(database)
    assert [one.action for one in await caller.activities("ana")] == actions[:1]
    profile = (await caller.session("her-laptop")).profile
    assert [one.action for one in await caller.activities(profile)] == actions[1:]
