"""Connections to shops, as a business makes them."""

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import aio

from clicktrail.common.v1.types_pb2 import Json
from clicktrail.tracking.v1 import account_service_pb2 as accounts_pb
from clicktrail.tracking.v1 import account_service_pb2_grpc, connection_service_pb2_grpc
from clicktrail.tracking.v1 import connection_service_pb2 as pb
from common.errors import Reason
from tests.support.postgres_roles import as_service
from tests.support.tracking_service.calling import SECONDS, failure, faults
from tracking_service.connections.connection import MOST_OF_BUSINESS
from tracking_service.connections.renewal import SecretRenewal
from tracking_service.connections.store import PostgresConnections
from tracking_service.key_ring import KeyRing
from tracking_service.postgres.pool import Postgres

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

Stub = connection_service_pb2_grpc.ConnectionServiceStub
pytestmark = pytest.mark.usefixtures("business")


@pytest_asyncio.fixture
async def connections(channel: aio.Channel) -> Stub:
    """Return the stub of ConnectionService."""
    return Stub(channel)


async def create(connections: Stub, platform: str = "woocommerce", business: str = "shop", **fields: Any) -> Any:
    """Create a connection."""
    wanted = pb.Connection(platform=platform, **fields)
    request = pb.CreateConnectionRequest(business_id=business, connection=wanted)
    return (await connections.CreateConnection(request, timeout=SECONDS)).connection


async def read(connections: Stub, id_: str, business: str = "shop") -> pb.Connection:
    """Read a connection."""
    request = pb.GetConnectionRequest(business_id=business, id=id_)
    return (await connections.GetConnection(request, timeout=SECONDS)).connection


async def change(connections: Stub, id_: str, *paths: str, business: str = "shop", **fields: Any) -> pb.Connection:
    """Change the fields named of a connection."""
    request = pb.UpdateConnectionRequest(
        business_id=business, id=id_, connection=pb.Connection(**fields), update_mask=FieldMask(paths=paths)
    )
    return (await connections.UpdateConnection(request, timeout=SECONDS)).connection


async def test_a_secret_of_ours_is_shown_once(connections: Stub, database: "Database") -> None:
    """It is not in the database either, where it is encrypted."""
    made = await create(connections, name="The shop")
    assert len(made.secret) >= 32
    assert (made.source, made.name, made.enabled) == ("woocommerce", "The shop", True)
    assert made.hook_url == f"https://go.example/v1/hooks/{made.id}"
    found = await read(connections, made.id)
    assert not found.HasField("secret")
    found.secret = made.secret
    assert found == made
    kept = await database.fetchval("SELECT secret FROM connections WHERE id = $1", made.id)
    assert made.secret.encode() not in kept


async def test_a_secret_that_was_given_is_not_shown(connections: Stub) -> None:
    """Whoever gave it has it."""
    made = await create(connections, "shopify", secret="shpss_1", source="my-shop")
    assert not made.HasField("secret")
    assert made.source == "my-shop"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"platform": ""}, ("parameter_missing", "platform")),
        ({"platform": "magento"}, ("invalid", "platform")),
        ({"platform": "vtex"}, ("invalid", "platform")),
        ({"platform": "shopify", "secret": " "}, ("parameter_invalid_empty", "secret")),
        ({"platform": "stripe", "secret": "s" * 501}, ("invalid", "secret")),
        ({"source": "My Shop"}, ("invalid", "source")),
        ({"source": "s" * 65}, ("invalid", "source")),
        ({"name": "n" * 201}, ("invalid", "name")),
        ({"name": "a\0b"}, ("invalid", "name")),
        ({"mapping": Json(text=b"{}")}, ("invalid", "mapping")),
        ({"platform": "generic", "secret": "s"}, ("parameter_missing", "mapping")),
    ],
)
async def test_what_is_wrong_is_named(connections: Stub, fields: dict[str, Any], fault: tuple[str, str]) -> None:
    """Field by field."""
    assert faults(await failure(create(connections, **fields))) == [fault]


async def test_a_secret_may_come_after_the_address(connections: Stub, database: "Database") -> None:
    """Of a platform that makes its own: it says what it waits for, and nothing becomes a secret before."""
    made = await create(connections, "stripe")
    assert (made.HasField("secret"), made.enabled, made.disabled_reason) == (
        False, False, "It waits for its secret, which the platform shows.",
    )  # fmt: skip
    changed = await change(connections, made.id, "secret", secret="whsec_1")
    assert (changed.enabled, changed.HasField("disabled_reason")) == (True, False)
    assert await database.fetchval("SELECT previous_secret FROM connections") is None


async def test_faults_of_a_mapping_are_named(connections: Stub) -> None:
    """Each by its place in it."""
    error = await failure(create(connections, "generic", secret="s", mapping=Json(text=b"{}")))
    assert {parameter for _, parameter in faults(error)} >= {"mapping.signature", "mapping.action"}


async def test_platforms_that_there_are_are_listed(connections: Stub) -> None:
    """To whoever names another."""
    error = await failure(create(connections, "magento"))
    assert "generic, shopify, stripe, woocommerce" in error.faults[0].description


async def test_the_fields_named_are_changed(connections: Stub) -> None:
    """The others stay; fixed ones are refused by name."""
    made = await create(connections, name="The shop")
    changed = await change(connections, made.id, "enabled", enabled=False)
    assert (changed.enabled, changed.name) == (False, "The shop")
    changed = await change(connections, made.id, "name")
    assert (changed.enabled, changed.HasField("name")) == (False, False)
    for field in ("platform", "source", "mapping"):
        assert faults(await failure(change(connections, made.id, field))) == [("invalid", field)]
    assert faults(await failure(change(connections, made.id, "secret"))) == [("invalid", "secret")]


async def test_a_secret_that_is_replaced_counts_for_a_day(connections: Stub, database: "Database") -> None:
    """By the database's time; a change of something else does not end it."""
    made = await create(connections)
    first = await database.fetchval("SELECT secret FROM connections")
    changed = await change(connections, made.id, "secret", secret="another")
    assert not changed.HasField("secret")
    await change(connections, made.id, "name", name="Shop")
    row = await database.fetchrow(
        "SELECT secret, previous_secret, previous_until > now() + interval '23 hours' AS lasts,"
        " previous_until > now() + interval '24 hours' AS lasts_longer FROM connections"
    )
    assert row is not None
    assert (row["previous_secret"], row["lasts"], row["lasts_longer"]) == (first, True, False)
    assert row["secret"] != first


async def test_a_business_sees_its_own_alone(
    connections: Stub, accounts: account_service_pb2_grpc.AccountServiceStub
) -> None:
    """Another's are unknown to it, whatever it does."""
    other = accounts_pb.Business(id="other", name="Another shop")
    await accounts.CreateBusiness(accounts_pb.CreateBusinessRequest(business=other), timeout=SECONDS)
    made = await create(connections)
    theirs = pb.DeleteConnectionRequest(business_id="other", id=made.id)
    for call in (
        read(connections, made.id, "other"),
        change(connections, made.id, "name", business="other", name="x"),
        connections.DeleteConnection(theirs, timeout=SECONDS),
    ):
        assert (await failure(call)).reason is Reason.CONNECTION_UNKNOWN
    listed = await connections.ListConnections(pb.ListConnectionsRequest(business_id="other"), timeout=SECONDS)
    assert not listed.connections
    assert (await failure(create(connections, business="nobody"))).reason is Reason.BUSINESS_UNKNOWN


async def test_connections_are_listed_newest_first(connections: Stub) -> None:
    """Page by page, without secrets."""
    made = [await create(connections, name=str(number)) for number in range(3)]
    request = pb.ListConnectionsRequest(business_id="shop", limit=2)
    page = await connections.ListConnections(request, timeout=SECONDS)
    assert ([each.name for each in page.connections], page.has_more) == (["2", "1"], True)
    assert not any(each.HasField("secret") for each in page.connections)
    request.starting_after = page.connections[-1].id
    page = await connections.ListConnections(request, timeout=SECONDS)
    assert ([each.id for each in page.connections], page.has_more) == ([made[0].id], False)


async def test_a_business_has_so_many_at_most(connections: Stub) -> None:
    """One may be deleted for another."""
    made = [await create(connections) for _ in range(MOST_OF_BUSINESS)]
    assert (await failure(create(connections))).reason is Reason.NOT_ALLOWED
    request = pb.DeleteConnectionRequest(business_id="shop", id=made[0].id)
    await connections.DeleteConnection(request, timeout=SECONDS)
    assert (await failure(read(connections, made[0].id))).reason is Reason.CONNECTION_UNKNOWN
    await create(connections)


async def test_a_secret_whose_key_is_lost_disables_its_connection(connections: Stub, database: "Database") -> None:
    """With the reason, until another secret is set."""
    made = await create(connections)
    await database.execute("UPDATE connections SET secret = 'of another key'")
    found = await read(connections, made.id)
    assert (found.enabled, "key" in found.disabled_reason) == (False, True)
    changed = await change(connections, made.id, "secret", secret="another")
    assert (changed.enabled, changed.HasField("disabled_reason")) == (True, False)


async def test_secrets_are_renewed_by_the_first_key(connections: Stub, database: "Database", postgres_url: str) -> None:
    """After which those before can be dropped; what no key reads stays, and says so."""
    await create(connections)
    await create(connections, "stripe")
    lost, old, new = (Fernet.generate_key().decode() for _ in range(3))
    kept = KeyRing(old).encrypt("a secret")
    await database.execute("UPDATE connections SET secret = $1, previous_secret = $1 WHERE secret <> ''", kept)
    gone = await create(connections)
    await database.execute("UPDATE connections SET secret = $1 WHERE id = $2", KeyRing(lost).encrypt("x"), gone.id)
    followed = await create(connections)
    await database.execute(
        "UPDATE connections SET secret = $1, previous_secret = $2 WHERE id = $3",
        kept, KeyRing(lost).encrypt("x"), followed.id,
    )  # fmt: skip
    postgres = await Postgres.open(as_service(postgres_url), 2)
    try:
        await SecretRenewal(PostgresConnections(postgres), KeyRing(f"{new} {old}")).renew_all()
    finally:
        await postgres.close()
    rows = await database.fetch("SELECT secret, previous_secret FROM connections ORDER BY created_at")
    assert [KeyRing(new).decrypt(secret) for secret in rows[0]] == ["a secret"] * 2
    assert tuple(rows[1]) == (b"", None)
    assert KeyRing(lost).decrypt(rows[2]["secret"]) == "x"
    assert KeyRing(new).decrypt(rows[3]["secret"]) == "a secret"
    shown = await connections.GetConnection(pb.GetConnectionRequest(business_id="shop", id=gone.id), timeout=SECONDS)
    assert (shown.connection.enabled, "set another secret" in shown.connection.disabled_reason) == (False, True)
