"""Orders that platforms tell: in which session they are, whose they are, and that neither refuses any."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import pytest
import pytest_asyncio

from clicktrail.tracking.v1 import event_pb2, profile_service_pb2, report_service_pb2
from common.clock import to_timestamp
from common.errors import Reason
from tests.integration.tracking_service.reports.test_worked_example import settle
from tests.support.platforms.orders import Inbox, bind, told
from tests.support.tracking_service.calling import SECONDS, Caller, failure, faults, fresh
from tests.support.tracking_service.clicking import click
from tests.support.tracking_service.events import ACCEPTED, REJECTED, event, order, submission, track
from tests.support.tracking_service.events import faults as receipt_faults
from tests.support.tracking_service.worked_example import at
from tests.support.waiting import eventually
from tracking_service.events.event import Status

if TYPE_CHECKING:
    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

Step = Callable[[], Awaitable[Any]]
Place = tuple[str, str | None]
"""A session, and its owner."""
ANAS = click(profile="ana", link="l-ana")
BENS = click(60, seed=3, profile="ben", link="l-ben", campaign="summer")
CHECKOUT, CART = "checkout-token-1", "cart-token-1"
FRIEND = {"id": "8", "email": "ben@example.com", "name": "Ben"}


@pytest_asyncio.fixture
async def inbox(postgres_url: str) -> AsyncIterator[Inbox]:
    """Take what platforms tell, in process, as tracking does."""
    async with Inbox.open(postgres_url) as inbox:
        yield inbox


class Seen(NamedTuple):
    """What became of an order: by event, in which session it is and whose it is; revenue by campaign."""

    activities: dict[str, Place]
    earned: dict[str, list[str]]


async def create(caller: Caller, profile: str, **fields: Any) -> None:
    """Create a profile by a private token."""
    identities = [profile_service_pb2.Identity(source="shopify", user_id=one) for one in fields.pop("ids", ())]
    message = profile_service_pb2.Profile(id=profile, identities=identities, **fields)
    request = profile_service_pb2.CreateProfileRequest(business_id="shop", profile=message)
    await caller.profiles.CreateProfile(request, timeout=SECONDS)


async def seen(caller: Caller, database: "Database") -> Seen:
    """Return what became of all orders, once all is decided; what is counted agrees with a recount."""
    await settle(database)
    rows = await database.fetch("""
        SELECT a.action, coalesce(a.object ->> 'order', '') AS refunded, a.session,
               CASE WHEN p.is_page THEN 'page of ' || (
                   SELECT min(x.user_id) FROM identities x WHERE x.profile_key = p.profile_key) ELSE p.id END AS owner
        FROM activities a LEFT JOIN profiles p USING (business_id, profile_key)
        WHERE a.action LIKE 'order.%' OR a.action LIKE 'refund.%'""")
    recounted = await caller.reports.Reconcile(report_service_pb2.ReconcileRequest(business_id="shop"), timeout=SECONDS)
    assert list(recounted.differences) == []
    earned = {}
    for campaign in ("spring", "summer"):
        revenue = [one.amount for one in (await caller.report(campaign=campaign)).totals.revenue]
        if revenue:
            earned[campaign] = revenue
    return Seen({row["action"]: (row["session"], row["owner"]) for row in rows}, earned)


def of_order(found: Seen) -> Place:
    """Return where and whose the one order is."""
    (place,) = found.activities.values()
    return place


async def test_a_forwarded_link(caller: Caller, database: "Database", inbox: Inbox) -> None:
    """One visitor's session, another customer's order: recorded, credited to the click, and nobody is merged."""
    await create(caller, "ana", email="ana@example.com")
    await caller.deliver(ANAS)
    (receipt,) = await inbox.take(told(customer=FRIEND, sessions=[ANAS.session]))
    assert receipt.status is Status.ACCEPTED
    assert await seen(caller, database) == Seen({"order.placed": (ANAS.session, "page of 8")}, {"spring": ["10.00"]})
    assert [one.action for one in await caller.activities("ana")] == ["short_link.clicked"]
    page = await database.fetchrow("SELECT id, name, email FROM profiles WHERE is_page")
    assert page is not None
    assert (page["name"], page["email"]) == ("Ben", "ben@example.com")
    assert [one.action for one in await caller.activities(page["id"])] == ["order.placed"]
    assert (await caller.session(ANAS.session)).profile == "ana"


async def test_an_id_that_another_has(caller: Caller, database: "Database", inbox: Inbox) -> None:
    """Nothing is known of how anybody is reached: whose the id is decides, and the click of the session is credited."""
    await create(caller, "ben", ids=["8"])
    await caller.deliver(ANAS, BENS)
    await inbox.take(told(customer={"id": "8"}, sessions=[ANAS.session]))
    assert await seen(caller, database) == Seen({"order.placed": (ANAS.session, "ben")}, {"spring": ["10.00"]})


async def test_a_server_is_not_refused_for_a_session(caller: Caller, database: "Database") -> None:
    """A private token names a session and another profile: the order is that one's, the credit the session's."""
    await caller.deliver(ANAS, BENS)
    receipts = [
        await caller.track(
            order(session=ANAS.session, profile="ben", amount="10", currency="USD"), key="o", minutes=10
        ),
        await caller.track(event(session=ANAS.session, profile="ben"), key="e", minutes=10),
    ]
    assert [receipt.status for receipt in receipts] == [ACCEPTED, REJECTED]
    assert receipt_faults(receipts[1]) == [("identity_assigned", "session")]
    assert await seen(caller, database) == Seen({"order.placed": (ANAS.session, "ben")}, {"spring": ["10.00"]})


async def test_a_server_names_an_id(caller: Caller, database: "Database") -> None:
    """Of an id that is another's likewise; one that is nobody's is the session's owner's."""
    await create(caller, "ben", ids=["8"])
    await caller.deliver(ANAS)
    for reference, user_id in (("1", "8"), ("2", "7")):
        sent = order("order.placed" if user_id == "8" else "order.shipped", reference, session=ANAS.session)
        sent.user_parameters.CopyFrom(event_pb2.UserParameters(id=user_id, source="shopify"))
        await caller.track(sent, key=reference, minutes=10)
    found = await seen(caller, database)
    assert found.activities == {"order.placed": (ANAS.session, "ben"), "order.shipped": (ANAS.session, "ana")}
    holders = await database.fetch(
        "SELECT user_id, p.id FROM identities JOIN profiles p USING (business_id, profile_key)"
    )
    assert {row["user_id"]: row["id"] for row in holders} == {"8": "ben", "7": "ana"}


async def test_what_names_its_person_does_not_move_with_its_session(caller: Caller, database: "Database") -> None:
    """The order came before the click that makes the session somebody else's."""
    sent = order(session=ANAS.session, profile="ben", amount="10", currency="USD")
    await caller.track(sent, key="o", minutes=10)
    await caller.track(event(session=ANAS.session), key="e", minutes=10)
    await caller.deliver(ANAS)
    assert await seen(caller, database) == Seen({"order.placed": (ANAS.session, "ben")}, {"spring": ["10.00"]})
    assert {one.action for one in await caller.activities("ana")} == {"page.viewed", "short_link.clicked"}


async def test_a_recipients_own_order(caller: Caller, database: "Database", inbox: Inbox) -> None:
    """Nothing says that it is anybody else's: the id is hers from then on, wherever it is said."""
    await create(caller, "ana", email="ana@example.com")
    await caller.deliver(ANAS)
    await inbox.take(
        told(customer={"id": "7", "email": " ANA@example.com"}, sessions=["", "unknown-session", ANAS.session])
    )
    await caller.identify("her-tablet", "7", source="shopify", received_at=to_timestamp(at(200)))
    assert await seen(caller, database) == Seen({"order.placed": (ANAS.session, "ana")}, {"spring": ["10.00"]})
    assert (await caller.session("her-tablet")).profile == "ana"


async def test_a_known_customer_without_a_session(caller: Caller, database: "Database", inbox: Inbox) -> None:
    """The person's click is credited."""
    await create(caller, "ben", ids=["8"])
    await caller.deliver(BENS)
    await inbox.take(told(customer=FRIEND))
    session, owner = of_order(found := await seen(caller, database))
    assert (session.startswith("_order-"), owner) == (True, "ben")
    assert found.earned == {"summer": ["10.00"]}


@pytest.mark.parametrize(
    ("customer", "owner"),
    [
        ({"email": "BEN@example.com "}, "ben"),
        ({"phone": "099 123 456"}, "ben"),
        ({"email": "both@example.com"}, None),
        ({"email": "nobody@example.com", "id": "0"}, None),
        ({}, None),
    ],
)
async def test_a_guest(
    caller: Caller, database: "Database", inbox: Inbox, customer: dict[str, str], owner: str | None
) -> None:
    """Whoever is alone reached so is the person; else it is nobody's, and counted all the same."""
    await database.execute("UPDATE businesses SET country = 'UY'")
    await create(caller, "ben", email="ben@example.com", phone="+598 99 123 456")
    await create(caller, "one", email="both@example.com")
    await create(caller, "two", email="both@example.com")
    await caller.identify("a-visit-of-nobody", "9", source="shopify", email="nobody@example.com")
    await settle(database)
    await inbox.take(told(customer=customer))
    assert of_order(await seen(caller, database))[1] == owner
    assert [one.amount for one in (await caller.report()).totals.revenue] == ["10.00"]


async def test_a_guest_in_anothers_session(caller: Caller, database: "Database", inbox: Inbox) -> None:
    """Reached otherwise than its owner: nobody's that is known, and not the owner's; the click is credited."""
    await create(caller, "ana", email="ana@example.com")
    await caller.deliver(ANAS)
    await inbox.take(told(customer={"email": "somebody@example.com"}, sessions=[ANAS.session]))
    assert await seen(caller, database) == Seen({"order.placed": (ANAS.session, None)}, {"spring": ["10.00"]})


async def test_a_customer_who_clicks_later(caller: Caller, database: "Database", inbox: Inbox) -> None:
    """What the platform told before goes to the person, with the profile that was made for it."""
    await inbox.take(told(customer=FRIEND))
    assert of_order(await seen(caller, database))[1] == "page of 8"
    await caller.deliver(BENS)
    await caller.identify(BENS.session, "8", source="shopify", received_at=to_timestamp(at(200)))
    assert of_order(await seen(caller, database))[1] == "ben"
    assert await database.fetchval("SELECT count(*) FROM profiles WHERE is_page") == 0


def story(caller: Caller, inbox: Inbox) -> list[Step]:
    """Return the steps of an order that is told in pieces: nothing but its tokens says which visit it was."""
    ana = {"id": "7", "email": "ana@example.com"}
    return [
        partial(caller.deliver, ANAS),
        partial(inbox.take, told(customer=ana, tokens=[CHECKOUT, CART])),
        partial(inbox.take, told("order.confirmed", customer=ana, tokens=[CART], minutes=140)),
        partial(inbox.take, told("refund.received", refund="r1", amount="4", minutes=150)),
        partial(bind, caller, ANAS.session, CHECKOUT),
        partial(bind, caller, "another-visit", CART),
        partial(bind, caller, "a-strangers-visit", CHECKOUT, 121),
    ]


@pytest.mark.parametrize("seed", range(6))
async def test_shuffled_and_doubled_it_ends_the_same(
    caller: Caller, database: "Database", inbox: Inbox, seed: int
) -> None:
    """Bindings before, between and after; the first of a token counts, and a checkout's before a cart's."""
    steps = story(caller, inbox) * 2
    random.Random(seed).shuffle(steps)  # noqa: S311  (the same each time)
    await create(caller, "ana", email="ana@example.com")
    for step in steps:
        await step()
        if seed % 2:
            await settle(database)
    place: Place = (ANAS.session, "ana")
    expected = {"order.placed": place, "order.confirmed": place, "refund.received": place}
    assert await seen(caller, database) == Seen(expected, {"spring": ["6.00"]})
    sessions = await database.fetch("SELECT DISTINCT session FROM events")
    assert [row["session"] for row in sessions] == [ANAS.session]
    campaigns = await database.fetch("SELECT DISTINCT campaign FROM activities WHERE action <> 'short_link.clicked'")
    assert [row["campaign"] for row in campaigns] == ["spring"]


async def test_all_at_once_it_ends_the_same(caller: Caller, database: "Database", inbox: Inbox) -> None:
    """An order and the binding of its token that meet see each other."""
    await create(caller, "ana", email="ana@example.com")
    await asyncio.gather(*(step() for step in story(caller, inbox) * 2))
    place: Place = (ANAS.session, "ana")
    expected = {"order.placed": place, "order.confirmed": place, "refund.received": place}
    assert await seen(caller, database) == Seen(expected, {"spring": ["6.00"]})


def strangers(caller: Caller, inbox: Inbox) -> list[Step]:
    """Return the steps of a link that was forwarded to somebody who is known by a click of his own later."""
    named = order("order.shipped", "3", session=ANAS.session)
    named.user_parameters.CopyFrom(event_pb2.UserParameters(id="9", source="shopify"))
    return [
        partial(caller.deliver, ANAS),
        partial(caller.deliver, BENS),
        partial(inbox.take, told(customer=FRIEND, sessions=[ANAS.session])),
        partial(inbox.take, told("order.confirmed", reference="2", customer={"id": "7"}, tokens=[CART], minutes=140)),
        partial(bind, caller, ANAS.session, CART),
        partial(caller.track, named, key="3", minutes=10),
        partial(
            inbox.take, told("order.cancelled", reference="4", customer={"email": "eve@example.com"}, tokens=[CART])
        ),
        partial(inbox.take, told("order.delivered", reference="5", customer=FRIEND, minutes=150)),
        partial(caller.identify, ANAS.session, "7", source="shopify", received_at=to_timestamp(at(200))),
        partial(caller.identify, BENS.session, "8", source="shopify", received_at=to_timestamp(at(210))),
        partial(caller.identify, "his-desk", "8", source="shopify", received_at=to_timestamp(at(220))),
    ]


@pytest.mark.parametrize("seed", range(6))
async def test_whose_orders_are_does_not_depend_on_what_comes_first(
    caller: Caller, database: "Database", inbox: Inbox, seed: int
) -> None:
    """The recipient's, the friend's, a customer's whom a private token names, and a guest's of another address."""
    await create(caller, "ana", email="ana@example.com")
    await create(caller, "eve", ids=["9"], email="eve@example.com")
    steps = strangers(caller, inbox) * 2
    random.Random(seed).shuffle(steps)  # noqa: S311  (the same each time)
    for step in steps:
        await step()
        if seed % 2:
            await settle(database)
    found = await seen(caller, database)
    own = found.activities.pop("order.delivered")
    assert (own[0].startswith("_order-"), own[1]) == (True, "ben")
    in_anas_session = {
        "order.placed": "ben", "order.confirmed": "ana", "order.shipped": "eve", "order.cancelled": "eve",
    }  # fmt: skip
    assert found.activities == {action: (ANAS.session, owner) for action, owner in in_anas_session.items()}
    assert found.earned == {"spring": ["20.00"], "summer": ["10.00"]}
    label = "SELECT user_id, p.id FROM identities JOIN profiles p USING (business_id, profile_key)"
    holders = {row["user_id"]: row["id"] for row in await database.fetch(label)}
    assert holders == {"7": "ana", "8": "ben", "9": "eve"}
    assert (await caller.session("his-desk")).profile == "ben"


async def test_an_order_and_the_binding_of_its_token_see_each_other(
    caller: Caller, database: "Database", postgres_url: str, inbox: Inbox
) -> None:
    """The binding comes while the order is being kept: it waits, and then moves the order."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    await caller.deliver(ANAS, BENS)
    other = await asyncpg.connect(postgres_url)
    async with other.transaction():
        await other.execute("SELECT FROM sessions WHERE id = $1 FOR UPDATE", BENS.session)
        batch = told(tokens=[CHECKOUT]), told("order.shipped", reference="2", sessions=[BENS.session])
        taking = asyncio.create_task(inbox.take(*batch))
        await eventually(lambda: database.fetchval(waiting), lambda count: count == 1)
        binding = asyncio.create_task(bind(caller, ANAS.session, CHECKOUT))
        await eventually(lambda: database.fetchval(waiting), lambda count: count == 2 or binding.done())
    await other.close()
    await asyncio.gather(taking, binding)
    assert (await seen(caller, database)).activities["order.placed"] == (ANAS.session, "ana")


async def test_a_token_that_is_never_bound(caller: Caller, database: "Database", inbox: Inbox) -> None:
    """All steps of the order have one session that is its own."""
    await caller.deliver(ANAS)
    await inbox.take(told(tokens=[CHECKOUT]), told("order.shipped"), told("refund.received", refund="r", amount="4"))
    found = await seen(caller, database)
    assert len(set(found.activities.values())) == 1
    assert of_order(found._replace(activities={"": found.activities["order.placed"]}))[1] is None
    assert found.earned == {}


async def test_a_session_that_is_known_to_the_shortener_alone(
    caller: Caller, database: "Database", inbox: Inbox
) -> None:
    """Its click has not been delivered yet."""
    await inbox.take(
        told(sessions=["other-session", ANAS.session], fresh=fresh(ANAS.session, profile="ana", link="l-ana"))
    )
    await caller.deliver(ANAS)
    assert await seen(caller, database) == Seen({"order.placed": (ANAS.session, "ana")}, {"spring": ["10.00"]})


async def test_a_session_is_bound_before_its_click_is_delivered(
    caller: Caller, database: "Database", inbox: Inbox
) -> None:
    """The shortener knows whose it is."""
    await bind(caller, ANAS.session, CHECKOUT, fresh_session=fresh(ANAS.session, profile="ana", link="l-ana"))
    await inbox.take(told(tokens=[CHECKOUT]))
    assert of_order(await seen(caller, database)) == (ANAS.session, "ana")
    await caller.deliver(ANAS)
    assert await seen(caller, database) == Seen({"order.placed": (ANAS.session, "ana")}, {"spring": ["10.00"]})


@pytest.mark.parametrize(("amount", "status"), [("10", Status.DUPLICATE), ("12", Status.CONFLICT)])
async def test_a_session_that_comes_with_a_copy(
    caller: Caller, database: "Database", inbox: Inbox, amount: str, status: Status
) -> None:
    """The same step told again, by a delivery that knows more, or of an order that was edited: in that session."""
    await caller.deliver(ANAS)
    (first,) = await inbox.take(told())
    (second,) = await inbox.take(told(sessions=[ANAS.session], amount=amount))
    assert (first.status, second.status) == (Status.ACCEPTED, status)
    assert await seen(caller, database) == Seen({"order.placed": (ANAS.session, "ana")}, {"spring": ["10.00"]})


async def test_an_erased_person_does_not_come_back(caller: Caller, database: "Database", inbox: Inbox) -> None:
    """What platforms said before the erasure and comes after it makes nobody, neither by an id nor as a guest."""
    await create(caller, "ben", ids=["8"], email="ben@example.com")
    await caller.deliver(BENS)
    await inbox.take(told(customer=FRIEND, sessions=[BENS.session]))
    await settle(database)
    request = profile_service_pb2.EraseProfileRequest(business_id="shop", id="ben")
    await caller.profiles.EraseProfile(request, timeout=SECONDS)
    await inbox.take(
        told("order.shipped", customer=FRIEND), told(reference="2", customer=FRIEND),
        told(reference="3", customer={"email": "ben@example.com"}),
    )  # fmt: skip
    await settle(database)
    for table in ("profiles", "identities", "identity_evidence", "identity_attributes"):
        assert await database.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608  (names from above)
    reached = "SELECT count(*) FROM told_orders JOIN sessions s ON s.id = order_session WHERE email_hash <> '' AND "
    assert await database.fetchval(reached + "profile_key IS NOT NULL") == 0
    assert [one.amount for one in (await caller.report()).totals.revenue] == ["30.00"]


async def test_only_our_inbox_speaks_for_platforms(caller: Caller) -> None:
    """Over RPC it is refused, and its neighbours are not."""
    refused, taken = await track(caller.events, told(), submission(event(), key="k"))
    assert (refused.status, taken.status) == (REJECTED, ACCEPTED)
    assert receipt_faults(refused) == [("not_allowed", "platform")]


async def test_a_page_cannot_use_an_orders_own_session(caller: Caller, database: "Database", inbox: Inbox) -> None:
    """It can be guessed: whoever could speak in it would say who ordered."""
    await inbox.take(told())
    session = of_order(await seen(caller, database))[0]
    receipt = await caller.track(event(session=session), credential=event_pb2.CREDENTIAL_PUBLIC)
    assert receipt_faults(receipt) == [("invalid", "session")]
    for attempt in (caller.identify(session, "9"), bind(caller, session, CHECKOUT)):
        assert faults(await failure(attempt)) == [("invalid", "session")]


@pytest.mark.parametrize("token", ["", "short", "undefined", "x" * 201])
async def test_a_token_that_is_none(caller: Caller, token: str) -> None:
    """It is told by its field."""
    assert [parameter for _, parameter in faults(await failure(bind(caller, "a-session", token)))] == ["token"]


async def test_a_session_has_so_many_tokens(caller: Caller, database: "Database") -> None:
    """Beyond, nothing is kept; an unknown business is told."""
    for number in range(25):
        await bind(caller, "a-session", f"checkout-{number}")
    assert await database.fetchval("SELECT count(*) FROM token_bindings") == 20
    assert not await database.fetchval("SELECT count(*) FROM token_bindings WHERE token_hash = 'checkout-1'")
    await database.execute("DELETE FROM businesses")
    assert (await failure(bind(caller, "a-session", "checkout-1"))).reason is Reason.BUSINESS_UNKNOWN
