"""One order that a platform tells by its id, and a page, a server and refunds by the number that its customer sees."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any
from zlib import crc32

import asyncpg
import pytest
import pytest_asyncio

from clicktrail.tracking.v1 import event_pb2, event_service_pb2, profile_service_pb2, report_service_pb2
from common.clock import to_timestamp
from tests.integration.tracking_service.postgres.test_contention import until_waiting
from tests.integration.tracking_service.reports.test_worked_example import money, settle
from tests.support.postgres_roles import as_service
from tests.support.tracking_service.calling import SECONDS, Caller
from tests.support.tracking_service.clicking import START, click, link
from tests.support.tracking_service.events import event, order, submission
from tracking_service.attribution.store import PostgresAttribution
from tracking_service.events.context_store import PostgresEventContexts
from tracking_service.events.event import Receipt, Status
from tracking_service.events.intake import EventIntake
from tracking_service.events.messages import submission_from
from tracking_service.events.store import PostgresEvents
from tracking_service.postgres.migrate import migrations
from tracking_service.postgres.partitions import Partitions
from tracking_service.postgres.pool import Postgres
from tracking_service.reassignment.store import PostgresReassignment

if TYPE_CHECKING:
    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

REFERENCE = "820982911946154508"
NUMBERS = ("#1042", "1042")
PAGE = event_pb2.CREDENTIAL_PUBLIC
BATCH = 500
POST = next(step.sql for step in migrations() if step.name == "0014_post_object_aliases")
Part = tuple[int, str]
NOTHING = (0, "")
ACCEPTED, DUPLICATE = Status.ACCEPTED, Status.DUPLICATE


class Shop:
    """Speaks for a shop whose customer Ana clicked a link of the campaign `spring`, and for its platform."""

    def __init__(self, caller: Caller, database: "Database", postgres: Postgres) -> None:
        self.caller = caller
        self.database = database
        events = PostgresEvents(postgres, Partitions(postgres), lambda: None)
        self._intake = EventIntake(events, PostgresEventContexts(postgres))
        self._attribution = PostgresAttribution(postgres)
        self._identities = PostgresReassignment(postgres)
        self.click = click(0, link="l1", profile="ana")

    def page(self, amount: str | None = "99", *, minutes: float = 1, reference: str = "1042", **fields: Any) -> Any:
        """Return what the page says in the click's session."""
        told: dict[str, Any] = {"session": self.click.session, "currency": "EUR"} | fields
        return _said(order(amount=amount, reference=reference, **told), minutes, credential=PAGE)

    def server(self, amount: str | None, minutes: float, *, reference: str = "1042", **fields: Any) -> Any:
        """Return what the shop's own server says."""
        return _said(order(amount=amount, reference=reference, **({"session": "of-the-server"} | fields)), minutes)

    def hook(
        self,
        amount: str | None = "120",
        *,
        minutes: float = 3,
        reference: str = REFERENCE,
        aliases: Sequence[str] = NUMBERS,
        **fields: Any,
    ) -> Any:
        """Return what the platform says."""
        told: dict[str, Any] = {"session": "of-the-platform"} | fields
        return _said(order(amount=amount, reference=reference, **told), minutes, platform=_word(told, aliases))

    def refund(self, amount: str, minutes: float, *, named: str, aliases: Sequence[str] | None = None) -> Any:
        """Return a refund, by a server or, with aliases, by the platform."""
        parameters = {"reference": f"r{minutes}", "order": named, "source": "shopify"}
        told = {"session": "of-the-back-office"}
        sent = event("refund.received", object_parameters=parameters, amount=amount, **told)
        platform = {} if aliases is None else {"platform": _word(told, aliases)}
        return _said(sent, minutes, **platform)

    async def send(self, *submissions: event_pb2.Submission) -> list[Receipt]:
        """Take events in as one batch."""
        return await self._intake.track([submission_from(message) for message in submissions])

    async def decide(self) -> None:
        """Decide on whatever is marked, beside the service itself, which looks once a second."""
        while await self._identities.process(BATCH) or await self._attribution.process(BATCH):
            pass
        await settle(self.database)

    async def totals(self, **scope: str) -> tuple[Part, Part, str]:
        """Return what was sold, what of it is confirmed, and what was taken back, once all is decided and recounted."""
        await self.decide()
        request = report_service_pb2.ReconcileRequest(business_id="shop")
        assert list((await self.caller.reports.Reconcile(request, timeout=SECONDS)).differences) == []
        totals = (await self.caller.report(**scope)).totals
        parts = [(part.conversions, money(part.revenue)) for part in (totals, totals.confirmed)]
        return parts[0], parts[1], money(totals.taken_back)

    async def forget(self) -> None:
        """Take everything back but the click."""
        tables = (
            "events", "event_keys", "order_actions", "order_retellings", "order_refunds", "object_aliases", "credits",
            "event_counts", "objects",
        )  # fmt: skip
        for table in tables:
            await self.database.execute(f"DELETE FROM {table}")  # noqa: S608  (names from above)
        await self.database.execute("DELETE FROM activities WHERE action <> 'short_link.clicked'")


def _said(sent: event_pb2.Event, minutes: float, **fields: Any) -> event_pb2.Submission:
    at = to_timestamp(START + timedelta(minutes=minutes))
    about = crc32(sent.object_parameters.text)
    key = f"{sent.action} {minutes} {fields.get('credential')} {about}"
    return submission(sent, key=key, received_at=at, **fields)


def _word(told: dict[str, Any], aliases: Sequence[str]) -> event_pb2.PlatformWord:
    return event_pb2.PlatformWord(aliases=aliases, sessions=[told["session"]] if told["session"] else [])


@pytest_asyncio.fixture
async def shop(caller: Caller, database: "Database", postgres_url: str) -> AsyncIterator[Shop]:
    """Open a shop, whose link was clicked."""
    postgres = await Postgres.open(as_service(postgres_url), 4)
    shop = Shop(caller, database, postgres)
    await caller.deliver(shop.click, links=[link("l1", profile="ana")])
    yield shop
    await postgres.close()


Story = Callable[[Shop], list[event_pb2.Submission]]
# What several say of one order by its two references, and what it earned: 1042 in EUR on the page, the rest in USD.
STORIES: dict[str, tuple[Story, tuple[Part, Part, str]]] = {
    "the page's click, the platform's money, refunds by either": (
        lambda shop: [
            shop.page(),
            shop.hook(),
            shop.refund("20", 8, named="1042"),
            shop.refund("30.50", 9, named=REFERENCE, aliases=NUMBERS),
        ],
        ((1, "69.50 USD"), (1, "69.50 USD"), "50.50 USD"),
    ),
    "a page without an amount": (
        lambda shop: [shop.page(None, currency=None), shop.hook()],
        ((1, "120.00 USD"),) * 2 + ("",),
    ),
    "a server that was first": (
        lambda shop: [
            shop.page(reference="#1042"),
            shop.server("110", 2),
            shop.hook(),
            shop.hook("130", minutes=4, action="order.confirmed"),
        ],
        ((1, "110.00 USD"), (1, "110.00 USD"), ""),
    ),
    "a server that was later": (
        lambda shop: [shop.page(), shop.server("110", 5), shop.hook(), shop.server("7", 6, action="order.shipped")],
        ((1, "120.00 USD"), (1, "120.00 USD"), ""),
    ),
    "a server that knew no amount": (
        lambda shop: [shop.page(), shop.server(None, 2), shop.hook()],
        ((1, "120.00 USD"), (1, "120.00 USD"), ""),
    ),
    "cancelled by the number, twice": (
        lambda shop: [
            shop.page(),
            shop.hook(),
            shop.server(None, 7, action="order.cancelled"),
            shop.hook(None, minutes=8, action="order.cancelled"),
        ],
        (NOTHING, NOTHING, "120.00 USD"),
    ),
    "a page that says both": (
        lambda shop: [shop.page(), shop.page("50", minutes=2, reference=REFERENCE), shop.hook()],
        ((1, "120.00 USD"), (1, "120.00 USD"), ""),
    ),
    "a platform that tells of refunds alone": (
        lambda shop: [shop.page(currency="USD"), shop.refund("9", 9, named=REFERENCE, aliases=NUMBERS)],
        ((1, "90.00 USD"), NOTHING, "9.00 USD"),
    ),
}


@pytest.mark.parametrize("name", STORIES)
async def test_one_order_in_every_order_of_arrival(shop: Shop, name: str) -> None:
    """Decided after each step, and each told twice: one end, for the campaign whose click the page had."""
    story, expected = STORIES[name]
    for arrival in permutations(story(shop)):
        await shop.forget()
        for said in (*arrival, *random.Random(0).sample(arrival, len(arrival))):  # noqa: S311  (the same each time)
            await shop.send(said)
            await shop.decide()
        assert await shop.totals(campaign="spring") == expected, [one.key for one in arrival]
        assert await shop.totals() == expected


@pytest.mark.parametrize("name", STORIES)
async def test_one_order_told_at_once(shop: Shop, name: str) -> None:
    """By as many connections as there are words of it, each twice; and all of it as one batch."""
    story, expected = STORIES[name]
    for _ in range(5):
        await shop.forget()
        await asyncio.gather(*(shop.send(said) for said in [*story(shop), *story(shop)]))
        assert await shop.totals(campaign="spring") == expected
    await shop.forget()
    await shop.send(*story(shop), *story(shop))
    assert await shop.totals() == expected


@pytest.mark.parametrize("is_page_last", [True, False])
async def test_neither_of_two_at_once_misses_the_other(shop: Shop, other: "Database", *, is_page_last: bool) -> None:
    """One is not committed when the other is decided on: it is decided again."""
    said = [shop.hook(), shop.page()] if is_page_last else [shop.page(), shop.hook()]
    first, held = said
    await shop.database.execute(
        "INSERT INTO sessions (business_id, id, created_at) VALUES ('shop', $1, now()) ON CONFLICT DO NOTHING",
        held.event.session,
    )
    await other.execute("SELECT FROM sessions WHERE id = $1 FOR UPDATE", held.event.session)
    sending = asyncio.create_task(shop.send(held))
    await until_waiting(shop.database, 1)
    await shop.send(first)
    await shop.decide()
    alone = ((1, "120.00 USD"), (1, "120.00 USD"), "") if is_page_last else ((1, "99.00 EUR"), NOTHING, "")
    assert await shop.totals() == alone
    await other.execute("COMMIT")
    await sending
    assert await shop.totals(campaign="spring") == ((1, "120.00 USD"), (1, "120.00 USD"), "")


@pytest_asyncio.fixture
async def other(postgres_url: str) -> AsyncIterator["Database"]:
    """Return another connection, in a transaction."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("BEGIN")
    yield connection
    await connection.close()


async def test_a_step_told_by_both_references_is_a_duplicate(shop: Shop) -> None:
    """Of the one that stands; a page's word is kept beside it, as evidence."""
    (first,) = await shop.send(shop.hook())
    again = await shop.send(shop.server("110", 5), shop.server("110", 6, action="order.shipped"), shop.page())
    assert [receipt.status for receipt in again] == [DUPLICATE, ACCEPTED, ACCEPTED]
    assert again[0].id == first.id
    repeated = await shop.send(shop.server("110", 5), shop.hook(minutes=7, action="order.shipped"))
    assert [(receipt.status, receipt.id) for receipt in repeated] == [(DUPLICATE, first.id), (DUPLICATE, again[1].id)]


async def test_an_order_whose_events_are_gone_earns_no_more(shop: Shop) -> None:
    """What an order has once it has once for ever, by whatever reference."""
    (first,) = await shop.send(shop.hook())
    assert await shop.totals() == ((1, "120.00 USD"), (1, "120.00 USD"), "")
    await shop.database.execute("DELETE FROM events")
    (again,) = await shop.send(shop.server("110", 2))
    assert (again.status, again.id) == (DUPLICATE, first.id)


async def unmatched(shop: Shop) -> list[str]:
    """Return the orders of the refunds whose order there is not."""
    request = event_service_pb2.ListUnmatchedRefundsRequest(business_id="shop")
    response = await shop.caller.events.ListUnmatchedRefunds(request, timeout=SECONDS)
    return [one.order for one in response.refunds]


async def test_a_refund_waits_no_more_once_its_order_is_known(shop: Shop) -> None:
    """By the number too; and it is then in its order's currency, the platform's."""
    (receipt,) = await shop.send(shop.refund("20", 5, named="1042"))
    assert receipt.is_order_known is False
    await shop.send(shop.page(reference="another"), shop.hook(reference="another id", aliases=["another"]))
    assert await unmatched(shop) == ["1042"]
    await shop.send(shop.hook("1200", currency="JPY"))
    assert await unmatched(shop) == []
    (receipt,) = await shop.send(shop.refund("30", 9, named="#1042"))
    assert receipt.is_order_known is True
    kept = await shop.database.fetchrow("SELECT amount_minor, currency FROM events WHERE id = $1", receipt.id)
    assert tuple(kept or ()) == (30, "JPY")
    assert await shop.totals() == ((2, "1150 JPY, 120.00 USD"),) * 2 + ("50 JPY",)


async def test_a_refund_by_the_number_is_the_buyers(shop: Shop) -> None:
    """The list of recipients adds up to the report."""
    said = [shop.hook(session=shop.click.session), shop.refund("20", 8, named="1042")]
    await shop.send(*said, shop.server(None, 9, action="order.cancelled"))
    assert await shop.totals(campaign="spring") == (NOTHING, NOTHING, "120.00 USD")
    request = report_service_pb2.ListRecipientsRequest(business_id="shop", campaign="spring")
    pieces = [piece async for piece in shop.caller.reports.ListRecipients(request, timeout=SECONDS)]
    found = [(one.profile, one.conversions, money(one.taken_back)) for piece in pieces for one in piece.recipients]
    assert found == [("ana", 0, "120.00 USD")]


async def test_a_forwarded_link_and_the_number(shop: Shop) -> None:
    """Ben's order in the session of Ana's click, which the page tells by the number: Ben's, credited to the click."""
    ben = profile_service_pb2.Profile(
        id="ben", identities=[profile_service_pb2.Identity(source="shopify", user_id="8")]
    )
    request = profile_service_pb2.CreateProfileRequest(business_id="shop", profile=ben)
    await shop.caller.profiles.CreateProfile(request, timeout=SECONDS)
    hook = shop.hook(session=None)
    hook.platform.sessions[:] = [shop.click.session]
    hook.platform.customer.id = "8"
    for arrival in permutations([shop.page(), hook, shop.refund("20", 8, named="1042")]):
        await shop.forget()
        for said in arrival:
            await shop.send(said)
            await shop.decide()
        assert await shop.totals(campaign="spring") == ((1, "100.00 USD"), (1, "100.00 USD"), "20.00 USD"), arrival
        assert [one.action for one in await shop.caller.activities("ben")] == ["order.placed"]
        assert [one.action for one in await shop.caller.activities("ana")] == ["order.placed", "short_link.clicked"]


async def test_an_explanation_tells_of_both(shop: Shop) -> None:
    """The page's word is superseded, and its click is the platform's order's."""
    page, hook = await shop.send(shop.page(), shop.hook())
    await shop.decide()
    found = []
    for receipt in (page, hook):
        request = event_service_pb2.ExplainAttributionRequest(business_id="shop", event=str(receipt.id))
        found.append(await shop.caller.events.ExplainAttribution(request, timeout=SECONDS))
    superseded, earning = found
    assert (superseded.entries[-1].sign if superseded.entries else -1) == -1
    assert [one.session for one in earning.candidates if one.is_winner] == [shop.click.session]
    assert earning.entries[-1].campaign == "spring"


async def test_of_two_orders_with_one_number_the_first_has_it(shop: Shop) -> None:
    """They stay two; what a page or a refund says by the number is of the first."""
    first, second = shop.hook(reference="1", minutes=2), shop.hook("40", reference="2", minutes=3)
    await shop.send(first)
    await shop.send(second)
    await shop.send(shop.page(), shop.refund("20", 9, named="1042"))
    assert await shop.totals(campaign="spring") == ((1, "100.00 USD"), (1, "100.00 USD"), "20.00 USD")
    assert await shop.totals() == ((2, "140.00 USD"), (2, "140.00 USD"), "20.00 USD")


async def test_a_number_that_is_another_orders_id_is_that_orders(shop: Shop) -> None:
    """As in shops that number orders by themselves: whichever comes first, or both at once, each earns."""
    story = [
        shop.hook("50", reference="2001", aliases=["1042"], minutes=2),
        shop.hook("60", reference="1042", aliases=["1000"], minutes=3),
        shop.page("99", currency="USD"),
    ]
    for arrival in permutations(story):
        await shop.forget()
        for said in arrival:
            await shop.send(said)
            await shop.decide()
        assert await shop.totals(campaign="spring") == ((1, "60.00 USD"), (1, "60.00 USD"), ""), arrival
        assert await shop.totals() == ((2, "110.00 USD"), (2, "110.00 USD"), "")
        await shop.forget()
        await shop.send(*arrival)
        assert await shop.totals(campaign="spring") == ((1, "60.00 USD"), (1, "60.00 USD"), ""), arrival


async def test_an_order_that_loses_a_number_at_once_is_decided_again(shop: Shop, other: "Database") -> None:
    """Though it had the number only in a transaction that the other one waited for."""
    await shop.send(shop.page("99", currency="USD"))
    session = "INSERT INTO sessions (business_id, id, created_at) VALUES ('shop', 'of-the-platform', now())"
    await shop.database.execute(session)
    await other.execute("SELECT FROM sessions WHERE id = 'of-the-platform' FOR UPDATE")
    taking = asyncio.create_task(shop.send(shop.hook("50", reference="2001", aliases=["1042"], minutes=2)))
    await until_waiting(shop.database, 1)
    owned = shop.hook("60", reference="1042", aliases=[], minutes=3, session="of-another")
    owning = asyncio.create_task(shop.send(owned))
    await until_waiting(shop.database, 2)
    await other.execute("COMMIT")
    await asyncio.gather(taking, owning)
    assert await shop.totals(campaign="spring") == ((1, "60.00 USD"), (1, "60.00 USD"), "")
    assert await shop.totals() == ((2, "110.00 USD"), (2, "110.00 USD"), "")


async def test_no_reference_stands_for_one_that_stands_for_another(shop: Shop) -> None:
    """Whatever platforms say of a few references, at once; and a recount finds nothing."""
    chance = random.Random(0)  # noqa: S311  (the same each time)
    names = [str(number) for number in range(6)]
    said = [
        shop.hook("10", reference=chance.choice(names), aliases=chance.sample(names, 2), minutes=minutes)
        for minutes in range(60)
    ]
    await asyncio.gather(*(shop.send(*said[number::4]) for number in range(4)))
    astray = """
        SELECT count(*) FROM object_aliases a
        LEFT JOIN object_aliases o ON o.business_id = a.business_id AND o.alias_id = a.object_id
        WHERE o.object_id IS DISTINCT FROM a.object_id"""
    assert await shop.database.fetchval(astray) == 0
    orders = await shop.database.fetchval("SELECT count(*) FROM object_aliases WHERE alias_id = object_id")
    assert (await shop.totals())[0][0] == orders


async def test_a_platform_that_says_more_when_it_tells_again(shop: Shop) -> None:
    """As when its deliveries are read anew: what was two orders is one, though no event is new."""
    page = shop.page(currency="USD")
    await shop.send(page, shop.hook(aliases=[]))
    assert await shop.totals() == ((2, "219.00 USD"), (1, "120.00 USD"), "")
    (again,) = await shop.send(shop.hook())
    assert again.status is DUPLICATE
    assert await shop.totals() == ((1, "120.00 USD"), (1, "120.00 USD"), "")


async def test_what_older_code_decided_is_decided_again(shop: Shop) -> None:
    """It knows of no other references."""
    await shop.send(shop.page(currency="USD"), shop.hook(aliases=[]))
    await shop.decide()
    keep = "INSERT INTO object_aliases SELECT id, $1, $2, now() FROM businesses"
    ids = {row["reference"]: row["id"] for row in await shop.database.fetch("SELECT reference, id FROM objects")}
    await shop.database.execute(keep, ids["1042"], ids[REFERENCE])
    await shop.database.execute(POST)
    assert await shop.totals() == ((1, "120.00 USD"), (1, "120.00 USD"), "")


async def test_another_source_is_another_order(shop: Shop) -> None:
    """A number is one within its source."""
    elsewhere = order(amount="7", reference="1042")
    elsewhere.object_parameters.text = b'{"reference": "1042", "source": "woo"}'
    await shop.send(shop.hook(), submission(elsewhere, key="elsewhere"))
    assert await shop.totals() == ((2, "127.00 USD"), (2, "127.00 USD"), "")
