"""What platforms send to the hooks of connections, and what becomes of it."""

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import aio

from clicktrail.tracking.v1 import connection_service_pb2 as connections_pb
from clicktrail.tracking.v1 import connection_service_pb2_grpc, hook_service_pb2_grpc, profile_service_pb2
from clicktrail.tracking.v1 import hook_service_pb2 as pb
from common.clock import now, to_timestamp
from common.errors import Reason
from tests.support.tracking_service.calling import SECONDS, Caller, failure
from tests.support.tracking_service.platform_deliveries import payload
from tests.support.waiting import eventually

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")

CREATED = payload("woocommerce/order-created.json")
REFUNDED = payload("woocommerce/order-updated-refunded.json")
SECRET = "the-secret-of-the-shop"


def signature(body: bytes, secret: str) -> str:
    """Return how WooCommerce signs."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


class Shop:
    """A shop that is connected."""

    def __init__(self, channel: aio.Channel) -> None:
        self.connections = connection_service_pb2_grpc.ConnectionServiceStub(channel)
        self._hooks = hook_service_pb2_grpc.HookServiceStub(channel)
        self.id = ""

    async def connect(self) -> None:
        """Connect it."""
        wanted = connections_pb.Connection(platform="woocommerce", secret=SECRET)
        request = connections_pb.CreateConnectionRequest(business_id="shop", connection=wanted)
        self.id = (await self.connections.CreateConnection(request, timeout=SECONDS)).connection.id

    async def send(self, body: bytes, secret: str = SECRET, topic: str = "order.updated", hook: str = "") -> None:
        """Send a delivery."""
        headers = {"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Signature": signature(body, secret)}
        named = [pb.NamedValue(name=name, value=value) for name, value in headers.items()]
        request = pb.ReceiveHookRequest(connection=hook or self.id, headers=named, body=body)
        await self._hooks.ReceiveHook(request, timeout=SECONDS)

    async def change(self, **fields: Any) -> None:
        """Change its connection."""
        request = connections_pb.UpdateConnectionRequest(
            business_id="shop", id=self.id, connection=connections_pb.Connection(**fields),
            update_mask=FieldMask(paths=list(fields)),
        )  # fmt: skip
        await self.connections.UpdateConnection(request, timeout=SECONDS)

    async def seen(self) -> connections_pb.Connection:
        """Return its connection."""
        request = connections_pb.GetConnectionRequest(business_id="shop", id=self.id)
        return (await self.connections.GetConnection(request, timeout=SECONDS)).connection

    async def deliveries(self) -> list[connections_pb.Delivery]:
        """Return its deliveries, the oldest first."""
        request = connections_pb.ListDeliveriesRequest(business_id="shop", id=self.id)
        return list((await self.connections.ListDeliveries(request, timeout=SECONDS)).deliveries)[::-1]

    async def outcomes(self) -> list[str]:
        """Return what became of its deliveries, the oldest first."""
        return [each.outcome for each in await self.deliveries()]


@pytest_asyncio.fixture
async def shop(channel: aio.Channel) -> Shop:
    """Connect a shop of WooCommerce."""
    shop = Shop(channel)
    await shop.connect()
    return shop


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
    # The recorded one is a guest's.
    await shop.send(json.dumps(json.loads(CREATED) | {"customer_id": 812}).encode())
    customer = "812"
    query = "SELECT p.id FROM profiles p JOIN identities i USING (business_id, profile_key) WHERE i.user_id = $1"

    async def profile() -> str | None:
        found: str | None = await database.fetchval(query, customer)
        return found

    await eventually(profile, lambda found: found is not None)
    erased = profile_service_pb2.EraseProfileRequest(business_id="shop", id=await profile() or "")
    await caller.profiles.EraseProfile(erased, timeout=SECONDS)
    row = await database.fetchrow("SELECT body, headers, outcome FROM inbox")
    assert row is not None
    assert tuple(row) == (b"", "{}", "recorded")
