"""What platforms send to the hooks of connections, and what becomes of it."""

import json
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from grpc import aio
from structlog.testing import capture_logs

from clicktrail.tracking.v1 import connection_service_pb2 as connections_pb
from clicktrail.tracking.v1 import profile_service_pb2
from common.clock import now, to_timestamp
from common.errors import Kind, Reason
from tests.support.platforms.connected_shop import CREATED, REFUNDED, Shop
from tests.support.platforms.deliveries import payload
from tests.support.postgres_roles import as_service
from tests.support.tracking_service.calling import SECONDS, Caller, failure
from tests.support.waiting import eventually
from tracking_service.inbox.silence import SilenceWatch
from tracking_service.inbox.store import PostgresInbox
from tracking_service.postgres.partitions import Partitions
from tracking_service.postgres.pool import Postgres

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

# The recorded order is a guest's.
NAMED = json.loads(CREATED) | {"customer_id": 812}


@pytest_asyncio.fixture
async def shop(channel: aio.Channel) -> Shop:
    """Connect a shop of WooCommerce."""
    shop = Shop(channel)
    await shop.connect()
    return shop


async def known_profile(database: "Database") -> str:
    """Return the profile of the customer 812, once there is one."""
    query = "SELECT p.id FROM profiles p JOIN identities i USING (business_id, profile_key) WHERE i.user_id = '812'"

    async def profile() -> str | None:
        found: str | None = await database.fetchval(query)
        return found

    return await eventually(profile, lambda found: found is not None) or ""


async def erase(caller: Caller, database: "Database") -> None:
    """Erase the customer 812, once there is one."""
    erased = profile_service_pb2.EraseProfileRequest(business_id="shop", id=await known_profile(database))
    await caller.profiles.EraseProfile(erased, timeout=SECONDS)


async def events_of(database: "Database") -> list[tuple[str, int | None]]:
    """Return actions and amounts of all events."""
    rows = await database.fetch("SELECT action, amount_minor FROM activities ORDER BY action, amount_minor")
    return [(row["action"], row["amount_minor"]) for row in rows]


async def test_an_order_becomes_its_events_once(shop: Shop, database: "Database") -> None:
    """However often it is told, and also where its refund comes first."""
    await shop.send(REFUNDED)
    first = await events_of(database)
    await shop.send(CREATED, topic="order.created")
    await shop.send(REFUNDED)
    assert await shop.outcomes() == ["recorded", "duplicate", "duplicate"]
    assert await events_of(database) == first
    assert {action for action, _ in first} >= {"order.placed", "order.confirmed", "refund.received"}
    told = await shop.deliveries()
    assert len(told[0].events) == len(first)
    assert set(told[1].events) <= set(told[0].events)
    seen = await shop.seen()
    assert (seen.deliveries, seen.refused, seen.HasField("last_delivery_at")) == (3, 0, True)


async def test_what_nobody_signed_is_refused_and_counted(shop: Shop, database: "Database") -> None:
    """By another secret, or changed on its way by one byte."""
    assert (await failure(shop.send(CREATED, "another"))).reason is Reason.SIGNATURE_WRONG
    await shop.send(CREATED)
    assert (await failure(shop.send(CREATED, ""))).reason is Reason.SIGNATURE_WRONG
    seen = await shop.seen()
    assert (seen.deliveries, seen.refused) == (1, 2)
    assert await database.fetchval("SELECT count(*) FROM inbox") == 1


async def test_a_trial_of_the_address_is_not_kept(shop: Shop) -> None:
    """It is not signed."""
    await shop.send(b"webhook_id=7", "")
    assert await shop.outcomes() == []


async def test_hooks_that_there_are_not_are_unknown(shop: Shop) -> None:
    """Never made, switched off, or deleted."""
    assert (await failure(shop.send(CREATED, hook="0" * 32))).reason is Reason.CONNECTION_UNKNOWN
    await shop.change(enabled=False)
    assert (await failure(shop.send(CREATED))).reason is Reason.CONNECTION_UNKNOWN
    await shop.change(enabled=True)
    await shop.send(CREATED)
    request = connections_pb.DeleteConnectionRequest(business_id="shop", id=shop.id)
    await shop.connections.DeleteConnection(request, timeout=SECONDS)
    assert (await failure(shop.send(CREATED))).reason is Reason.CONNECTION_UNKNOWN


@pytest.mark.parametrize(("hours", "is_taken"), [(23, True), (25, False)])
async def test_the_secret_before_counts_for_a_day(
    shop: Shop, database: "Database", hours: int, *, is_taken: bool
) -> None:
    """The new one at once."""
    await shop.change(secret="another")
    await database.execute("UPDATE connections SET previous_until = previous_until - make_interval(hours => $1)", hours)
    await shop.send(CREATED, "another")
    if is_taken:
        await shop.send(CREATED)
    else:
        assert (await failure(shop.send(CREATED))).reason is Reason.SIGNATURE_WRONG


async def test_a_secret_takes_the_place_of_one_whose_key_is_lost(shop: Shop, database: "Database") -> None:
    """At once. What neither signed may have been signed with the lost one, and is asked for again."""
    await database.execute("UPDATE connections SET secret = 'of another key'")
    assert (await failure(shop.send(CREATED))).kind is Kind.UNAVAILABLE
    await shop.change(secret="another")
    await shop.send(CREATED, "another")
    assert (await failure(shop.send(CREATED))).kind is Kind.UNAVAILABLE
    await database.execute("UPDATE connections SET previous_until = now()")
    assert (await failure(shop.send(CREATED))).reason is Reason.SIGNATURE_WRONG
    assert await shop.outcomes() == ["recorded"]


async def test_a_secret_that_is_set_twice_does_not_end_the_one_before(shop: Shop) -> None:
    """As where the first answer got lost."""
    await shop.change(secret="another")
    await shop.change(secret="another")
    await shop.send(CREATED)
    await shop.send(CREATED, "another")


async def test_what_cannot_be_read_is_kept_with_the_reason(shop: Shop) -> None:
    """It was signed, so it may be read by a better mapping."""
    await shop.send(b'{"id": 7, "total": "x"')
    (told,) = await shop.deliveries()
    assert (told.outcome, bool(told.reason)) == ("refused", True)


async def test_what_was_not_turned_into_events_is_later(shop: Shop, database: "Database") -> None:
    """As after a process was killed between the two."""
    await shop.send(CREATED)
    before = await events_of(database)
    await database.execute(
        "UPDATE inbox SET id = uuidv7(), body = $1, outcome = 'waiting', events = '{}', retry_at = now()", REFUNDED
    )
    await eventually(shop.outcomes, lambda found: found == ["recorded"])
    assert len(await events_of(database)) > len(before)


async def test_deliveries_are_replayed_without_effect_where_they_are_known(shop: Shop, database: "Database") -> None:
    """From a time on."""
    started = now()
    await shop.send(CREATED)
    before = await events_of(database)
    request = connections_pb.ReplayDeliveriesRequest(business_id="shop", id=shop.id, since=to_timestamp(started))
    assert (await shop.connections.ReplayDeliveries(request, timeout=SECONDS)).deliveries == 1
    await eventually(shop.outcomes, lambda found: found == ["duplicate"])
    assert await events_of(database) == before
    request.since.CopyFrom(to_timestamp(now()))
    assert (await shop.connections.ReplayDeliveries(request, timeout=SECONDS)).deliveries == 0


async def test_an_erasure_empties_what_was_sent_of_its_person(shop: Shop, caller: Caller, database: "Database") -> None:
    """What became of it stays."""
    await shop.send(json.dumps(NAMED).encode())
    await erase(caller, database)
    row = await database.fetchrow("SELECT body, headers, outcome FROM inbox")
    assert row is not None
    assert tuple(row) == (b"", "{}", "recorded")


async def test_what_came_before_an_erasure_ends_once_it_is_settled(
    shop: Shop, caller: Caller, database: "Database"
) -> None:
    """It may have waited, here or on a disk: its order counts, and what was in it is gone."""
    await shop.send(json.dumps(NAMED).encode())
    await shop.send(json.dumps(NAMED | {"id": NAMED["id"] + 1}).encode())
    waiting, _ = await shop.deliveries()
    await database.execute("UPDATE inbox SET outcome = 'waiting', retry_at = 'infinity' WHERE id = $1", waiting.id)
    await erase(caller, database)
    assert await database.fetchval("SELECT array_agg(id::text) FROM inbox WHERE body <> ''") == [waiting.id]
    await database.execute("UPDATE inbox SET retry_at = now() WHERE id = $1", waiting.id)
    await eventually(shop.outcomes, lambda found: found == ["duplicate", "recorded"])
    assert await database.fetchval("SELECT count(*) FROM inbox WHERE body <> '' OR headers <> '{}'") == 0


async def test_what_came_after_an_erasure_stays(shop: Shop, caller: Caller, database: "Database") -> None:
    """Whoever was forgotten and comes back is somebody new."""
    body = json.dumps(NAMED).encode()
    await shop.send(body)
    await erase(caller, database)
    await shop.send(body)
    assert await database.fetchval("SELECT array_agg(body = '' ORDER BY received_at) FROM inbox") == [True, False]


async def test_a_deleted_customer_is_erased(shop: Shop, caller: Caller, database: "Database") -> None:
    """By the id in the shop's system; one that nobody has is no fault."""
    await shop.send(json.dumps(NAMED).encode())
    profile = await known_profile(database)
    await shop.send(b'{"id": 4711}', topic="customer.deleted")
    await shop.send(b'{"id": 812}', topic="customer.deleted")
    await shop.send(b'{"id": 812}', topic="customer.deleted")
    assert await shop.outcomes() == ["recorded"] * 4
    gone = profile_service_pb2.GetProfileRequest(business_id="shop", id=profile)
    assert (await failure(caller.profiles.GetProfile(gone, timeout=SECONDS))).reason is Reason.PROFILE_UNKNOWN
    assert await database.fetchval("SELECT count(*) FROM inbox WHERE body <> ''") == 0


async def test_a_guest_whom_a_platform_wants_forgotten_is(channel: aio.Channel, database: "Database") -> None:
    """What was sent is emptied, and how the order's customer can be reached; nobody has to be known for that."""
    shop = Shop(channel, "shopify")
    await shop.connect()
    redaction = payload("shopify/customers-redact.json")
    order = json.loads(payload("shopify/orders-create.json"))
    guest = order | {"customer": None, "email": json.loads(redaction)["customer"]["email"], "contact_email": None}
    await shop.send(json.dumps(guest).encode(), topic="orders/create")
    assert await database.fetchval("SELECT count(*) FROM told_orders WHERE email_hash <> ''") == 1
    await shop.send(redaction, topic="customers/redact")
    assert await shop.outcomes() == ["recorded"] * 2
    assert await database.fetchval("SELECT count(*) FROM inbox WHERE body <> ''") == 0
    assert await database.fetchval("SELECT count(*) FROM told_orders WHERE email_hash <> '' OR phone_hash <> ''") == 0


@pytest.mark.parametrize(
    ("deliveries", "hours_between", "silent_hours", "is_silent"),
    [(12, 2, 25, True), (12, 2, 23, False), (9, 2, 25, False), (12, 30, 80, False), (12, 30, 100, True)],
)
async def test_a_connection_falls_silent(  # noqa: PLR0913  (a case)
    shop: Shop, database: "Database", deliveries: int, hours_between: int, silent_hours: int, *, is_silent: bool
) -> None:
    """After regular deliveries, a day at least, and three times its longest pause; it is told of in the log once."""
    for _ in range(deliveries):
        await shop.send(CREATED)
    await database.execute(
        "UPDATE inbox SET received_at = at FROM (SELECT id, now() - make_interval(hours =>"
        " $1 + $2 * (row_number() OVER (ORDER BY received_at DESC) - 1)::int) AS at FROM inbox) AS t"
        " WHERE inbox.id = t.id",
        silent_hours, hours_between,
    )  # fmt: skip
    await database.execute("UPDATE connections SET last_delivery_at = (SELECT max(received_at) FROM inbox)")
    assert (await shop.seen()).silent is is_silent
    listed = await shop.connections.ListSilentConnections(
        connections_pb.ListSilentConnectionsRequest(business_id="shop"), timeout=SECONDS
    )
    assert [each.id for each in listed.connections] == [shop.id] * is_silent
    await shop.change(enabled=False)
    assert (await shop.seen()).silent is False


async def test_a_silence_outlasts_what_was_kept_of_a_connection(shop: Shop, database: "Database") -> None:
    """Its usual pause is known from its own figures then; one that always sent rarely is not silent."""
    for _ in range(10):
        await shop.send(CREATED)
    await database.execute("DELETE FROM inbox")
    await database.execute(
        "UPDATE connections"
        " SET last_delivery_at = now() - interval '200 days', created_at = now() - interval '300 days'"
    )
    assert (await shop.seen()).silent is True
    await database.execute("UPDATE connections SET created_at = now() - interval '900 days'")
    assert (await shop.seen()).silent is False


async def test_a_silence_is_told_of_once(shop: Shop, database: "Database", postgres_url: str) -> None:
    """In the log; once more where it has sent in between."""
    await database.execute(
        "UPDATE connections SET deliveries = 10, last_delivery_at = now() - interval '9 days',"
        " created_at = now() - interval '10 days'"
    )
    postgres = await Postgres.open(as_service(postgres_url), 2)
    watch = SilenceWatch(PostgresInbox(postgres, Partitions(postgres)))

    async def told() -> int:
        with capture_logs() as lines:
            await watch.look()
        return sum(line.get("connection") == shop.id for line in lines)

    try:
        assert [await told(), await told()] == [1, 0]
        await database.execute("UPDATE connections SET last_delivery_at = now()")
        assert await told() == 0
        await database.execute("UPDATE connections SET last_delivery_at = now() - interval '9 days'")
        assert await told() == 1
    finally:
        await postgres.close()
