"""Who may call what: by roles, by tokens, and while no credential is required. With real gRPC servers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import grpc
import pytest
from google.protobuf import descriptor_pool
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from clicktrail.common.v1 import access_pb2
from clicktrail.common.v1.access_pb2 import ROLE_GATEWAY, ROLE_OPERATOR, ROLE_READER, ROLE_SHORTENER
from clicktrail.tracking.v1 import (
    account_service_pb2,
    account_service_pb2_grpc,
    event_pb2,
    event_service_pb2,
    event_service_pb2_grpc,
)
from common.errors import ClicktrailError, Kind, Reason, unauthenticated, unavailable
from common.rpc.access import rule_of
from common.rpc.channels import open_channel
from common.rpc.errors import from_rpc_error, is_refused
from common.rpc.keys import AcceptedKeys, file_of, new_key
from common.rpc.security import Security
from common.rpc.server import GrpcServer
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[4] / "protos" / "gen"
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(ROOT.rglob("*_service_pb2.py"))]
SERVICES = [service for module in MODULES for service in import_module(module).DESCRIPTOR.services_by_name.values()]
METHODS = [method for service in SERVICES for method in service.methods]
ACCOUNTS = "clicktrail.tracking.v1.AccountService"
SECONDS = 60


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name.removeprefix("clicktrail."))
def test_every_call_says_who_may_make_it(method: Any) -> None:
    """In its proto; the field of the business leads to a text."""
    assert method.GetOptions().HasExtension(access_pb2.access)
    rule = rule_of(f"/{method.containing_service.full_name}/{method.name}")
    assert ROLE_OPERATOR in rule.roles
    message = method.input_type
    for name in rule.business_field[:-1]:
        message = message.fields_by_name[name].message_type
    assert (
        not rule.business_field or message.fields_by_name[rule.business_field[-1]].type == message.fields[0].TYPE_STRING
    )


def test_the_key_of_the_gateway_opens_no_more_than_it_needs() -> None:
    """What is done for a private token is done by that token: nothing here changes links, profiles or accounts."""
    opened = {
        method.name
        for method in METHODS
        if ROLE_GATEWAY in rule_of(f"/{method.containing_service.full_name}/{method.name}").roles
    }
    assert opened == {
        "Acknowledge", "Authenticate", "BindToken", "GetBusiness", "GetFreshSessions", "GetReport", "Identify",
        "IssueSession", "ListLatestActivities", "ListRecipients", "ListScopes", "ListSilentConnections", "LookUpCode",
        "OpenReportLink", "ReceiveHook", "RecordRefusedRequests", "ResolveBatches", "ResolveFlight", "ResolveFlights",
        "ResolveHit", "ResolveHits", "ShareBudgets", "TrackBatches", "TrackEvents", "WatchReport",
    }  # fmt: skip


def test_readers_change_nothing() -> None:
    """Every call of theirs reads."""
    opened = {
        method.name
        for method in METHODS
        if ROLE_READER in rule_of(f"/{method.containing_service.full_name}/{method.name}").roles
    }
    assert all(name.startswith(("Get", "List", "LookUp", "Watch", "Explain", "Reconcile")) for name in opened)


class Accounts(account_service_pb2_grpc.AccountServiceServicer):
    """Answers."""

    async def CreateToken(self, request: account_service_pb2.CreateTokenRequest, _context: object) -> Any:
        """Return nothing in particular."""
        return account_service_pb2.CreateTokenResponse(token=account_service_pb2.Token(name=request.name))

    async def Authenticate(self, request: account_service_pb2.AuthenticateRequest, _context: object) -> Any:
        """Return nothing in particular."""
        return account_service_pb2.AuthenticateResponse(business_id=request.credential)


class Events(event_service_pb2_grpc.EventServiceServicer):
    """Answers each event."""

    async def TrackEvents(self, request: event_service_pb2.TrackEventsRequest, _context: object) -> Any:
        """Return a receipt for each."""
        return event_service_pb2.TrackEventsResponse(receipts=[event_pb2.Receipt() for _ in request.submissions])

    async def TrackBatches(
        self, request_iterator: AsyncIterator[event_service_pb2.TrackBatchesRequest], _context: object
    ) -> AsyncIterator[Any]:
        """Return a receipt for each, batch by batch."""
        async for request in request_iterator:
            yield event_service_pb2.TrackBatchesResponse(receipts=[event_pb2.Receipt() for _ in request.submissions])


class Tokens:
    """Whose tokens are, counted."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def business_of(self, token: str) -> str:
        """Tell it."""
        self.asked.append(token)
        if token == "ct_away":
            raise unavailable(Reason.STORE_DOWN, "Away.")
        if not token.startswith("ct_of_"):
            raise unauthenticated(Reason.CREDENTIAL_UNKNOWN, "Unknown.")
        return token.removeprefix("ct_of_")


class World:
    """A server with keys, and channels to it."""

    def __init__(self, folder: Path, **security: Any) -> None:
        self.folder = folder
        self.tokens = Tokens()
        self.keys = {role: new_key() for role in (ROLE_GATEWAY, ROLE_OPERATOR, ROLE_READER, ROLE_SHORTENER)}
        for role, key in self.keys.items():
            file_of(folder, role).write_text(key)
        usual = Security(accepted=AcceptedKeys(folder), business_of=self.tokens.business_of, is_required=True)
        accounts, events = Accounts(), Events()  # type: ignore[abstract]  # as many methods as are needed
        self._server = GrpcServer(
            "127.0.0.1:0",
            [ACCOUNTS],
            [
                partial(account_service_pb2_grpc.add_AccountServiceServicer_to_server, accounts),
                partial(event_service_pb2_grpc.add_EventServiceServicer_to_server, events),
            ],
            security=replace(usual, **security),
        )

    @asynccontextmanager
    async def calling(self, credential: str | None) -> AsyncIterator[aio.Channel]:
        """Give a channel that sends a credential."""
        security = Security(key=None if credential is None else lambda: credential)
        async with open_channel(f"ipv4:127.0.0.1:{self._server.port}", security) as channel:
            yield channel

    async def outcome(self, credential: str | None, call: Callable[[aio.Channel], Awaitable[Any]]) -> Any:
        """Return what a call answers, or the code and words that it is refused with."""
        async with self.calling(credential) as channel:
            try:
                return await call(channel)
            except aio.AioRpcError as error:
                return error.code(), str(error.details())

    async def __aenter__(self) -> Self:
        await self._server.start()
        await self._server.set_serving(is_serving=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)


async def create_token(channel: aio.Channel, business_id: str = "shop") -> str:
    """Create a token and return its name."""
    request = account_service_pb2.CreateTokenRequest(business_id=business_id, name="made")
    stub = account_service_pb2_grpc.AccountServiceStub(channel)
    return str((await stub.CreateToken(request, timeout=SECONDS, wait_for_ready=True)).token.name)


def batch(*businesses: str) -> Any:
    """Return a batch of events of these businesses."""
    return event_service_pb2.TrackEventsRequest(
        submissions=[event_pb2.Submission(business_id=one) for one in businesses]
    )


async def track(channel: aio.Channel, *businesses: str) -> int:
    """Track an event of each; return how many receipts there are."""
    stub = event_service_pb2_grpc.EventServiceStub(channel)
    return len((await stub.TrackEvents(batch(*businesses), timeout=SECONDS, wait_for_ready=True)).receipts)


async def track_batches(channel: aio.Channel, *batches: Iterable[str]) -> int:
    """Track batches over a stream; return how many receipts there are."""

    def requests() -> Iterator[event_service_pb2.TrackBatchesRequest]:
        for each in batches:
            yield event_service_pb2.TrackBatchesRequest(submissions=batch(*each).submissions)

    stub = event_service_pb2_grpc.EventServiceStub(channel)
    answers = stub.TrackBatches(requests(), timeout=SECONDS, wait_for_ready=True)
    return sum([len(answer.receipts) async for answer in answers])


async def test_a_call_without_a_key_is_refused(tmp_path: Path) -> None:
    """So is one with a key that nobody has; both are told why."""
    async with World(tmp_path) as world:
        code, words = await world.outcome(None, create_token)
        assert (code, "needs a service key" in words) == (grpc.StatusCode.UNAUTHENTICATED, True)
        code, words = await world.outcome(new_key(), create_token)
        assert (code, words) == (grpc.StatusCode.UNAUTHENTICATED, "This service key is not known.")
        assert (await world.outcome(None, lambda channel: track_batches(channel, ["shop"])))[0] == code


async def test_a_key_opens_what_its_role_may(tmp_path: Path) -> None:
    """And nothing else: the gateway tracks events, and creates no tokens."""
    async with World(tmp_path) as world:
        assert await world.outcome(world.keys[ROLE_OPERATOR], create_token) == "made"
        assert await world.outcome(world.keys[ROLE_GATEWAY], lambda channel: track(channel, "a", "b")) == 2
        assert await world.outcome(world.keys[ROLE_GATEWAY], lambda channel: track_batches(channel, "ab", "c")) == 3
        for role in (ROLE_GATEWAY, ROLE_READER, ROLE_SHORTENER):
            code, words = await world.outcome(world.keys[role], create_token)
            assert code == grpc.StatusCode.PERMISSION_DENIED
            assert access_pb2.Role.Name(role).removeprefix("ROLE_").lower() in words


async def test_a_token_opens_its_own_business(tmp_path: Path) -> None:
    """Whether one request names the business, each of many things in it, or each message of a stream."""
    async with World(tmp_path) as world:
        denied = (grpc.StatusCode.PERMISSION_DENIED, "A private token opens its own business alone.")
        assert await world.outcome("ct_of_shop", create_token) == "made"
        assert await world.outcome("ct_of_other", create_token) == denied
        assert await world.outcome("ct_of_shop", lambda channel: track(channel, "shop", "shop")) == 2
        assert await world.outcome("ct_of_shop", lambda channel: track(channel, "shop", "other")) == denied
        assert await world.outcome("ct_of_shop", lambda channel: track(channel, "")) == denied
        own, mixed = [["shop"], ["shop", "shop"]], [["shop"], ["shop", "other"]]
        assert await world.outcome("ct_of_shop", lambda channel: track_batches(channel, *own)) == 3
        assert await world.outcome("ct_of_shop", lambda channel: track_batches(channel, *mixed)) == denied


async def test_a_token_opens_nothing_that_is_of_no_business(tmp_path: Path) -> None:
    """Its business is not even asked for."""

    async def authenticate(channel: aio.Channel) -> Any:
        stub = account_service_pb2_grpc.AccountServiceStub(channel)
        return await stub.Authenticate(account_service_pb2.AuthenticateRequest(), timeout=SECONDS, wait_for_ready=True)

    async with World(tmp_path) as world:
        assert (await world.outcome("ct_of_shop", authenticate))[0] == grpc.StatusCode.PERMISSION_DENIED
        assert world.tokens.asked == []


async def test_a_token_that_is_not_known_is_told_from_one_that_cannot_be_judged(tmp_path: Path) -> None:
    """The one is UNAUTHENTICATED, the other to be tried again; and what is known is asked once."""
    async with World(tmp_path) as world:
        assert (await world.outcome("ct_revoked", create_token))[0] == grpc.StatusCode.UNAUTHENTICATED
        assert (await world.outcome("ct_away", create_token))[0] == grpc.StatusCode.UNAVAILABLE
        world.tokens.asked.clear()
        await asyncio.gather(*(world.outcome("ct_of_shop", create_token) for _ in range(5)))
        assert world.tokens.asked == ["ct_of_shop"]


async def test_a_credential_of_a_call_comes_before_the_key_of_the_process(tmp_path: Path) -> None:
    """As the gateway's calls for a private token do."""
    async with World(tmp_path) as world, world.calling(world.keys[ROLE_GATEWAY]) as channel:
        stub = account_service_pb2_grpc.AccountServiceStub(channel)
        request = account_service_pb2.CreateTokenRequest(business_id="shop")
        metadata = (("authorization", "Bearer ct_of_shop"),)
        assert await stub.CreateToken(request, timeout=SECONDS, wait_for_ready=True, metadata=metadata)


async def test_a_caller_whose_own_key_is_refused_tells_its_callers_to_come_again(tmp_path: Path) -> None:
    """It is no fault of theirs: no 401 and no 403, but 503."""
    async with World(tmp_path) as world, world.calling(world.keys[ROLE_GATEWAY]) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await create_token(channel)
        assert is_refused(caught.value)
        told = from_rpc_error(caught.value)
        assert isinstance(told, ClicktrailError)
        assert (told.kind, told.reason) == (Kind.UNAVAILABLE, Reason.UPSTREAM_DOWN)


async def test_for_one_release_calls_without_a_key_are_taken(tmp_path: Path) -> None:
    """Where they are accepted: as services of the release before make them. Keys and tokens hold even so."""
    async with World(tmp_path, is_required=False) as world:
        assert await world.outcome(None, create_token) == "made"
        assert await world.outcome(new_key(), create_token) == "made"
        assert await world.outcome(None, lambda channel: track_batches(channel, "ab")) == 2
        assert (await world.outcome(world.keys[ROLE_GATEWAY], create_token))[0] == grpc.StatusCode.PERMISSION_DENIED
        assert (await world.outcome("ct_of_other", create_token))[0] == grpc.StatusCode.PERMISSION_DENIED


async def test_keys_are_replaced_without_a_restart(tmp_path: Path) -> None:
    """The new one is accepted within a second or so, and the old one no longer once it is gone from the file."""
    new = new_key()
    async with World(tmp_path) as world:
        old = world.keys[ROLE_OPERATOR]
        assert await world.outcome(old, create_token) == "made"
        file = file_of(tmp_path, ROLE_OPERATOR)
        file.write_text(f"{old}\n{new}\n")
        await eventually(partial(world.outcome, new, create_token), lambda outcome: outcome == "made")
        assert await world.outcome(old, create_token) == "made"
        file.write_text(f"{new}\n")
        await eventually(partial(world.outcome, old, create_token), lambda outcome: outcome != "made")
        assert await world.outcome(new, create_token) == "made"


async def test_health_is_open_and_reflection_by_setting(tmp_path: Path) -> None:
    """Whatever looks after processes has no key; what calls there are nobody has to know."""

    async def check(channel: aio.Channel) -> Any:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        return (await stub.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS, wait_for_ready=True)).status

    async def names(channel: aio.Channel) -> Any:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]  # any channel will do
        requests = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        call = stub.ServerReflectionInfo(requests, timeout=SECONDS, wait_for_ready=True)
        return [one.name async for answer in call for one in answer.list_services_response.service]

    async with World(tmp_path, has_reflection=False) as world:
        assert await world.outcome(None, check) == health_pb2.HealthCheckResponse.SERVING
        assert (await world.outcome(world.keys[ROLE_OPERATOR], names))[0] == grpc.StatusCode.UNIMPLEMENTED
    async with World(tmp_path, has_reflection=True) as world:
        assert ACCOUNTS in await world.outcome(None, names)


def test_a_call_that_no_proto_knows_is_for_operators_alone() -> None:
    """Whatever a service may serve beside."""
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMethodByName("some.Service.Method")
    assert rule_of("/some.Service/Method") == (frozenset({ROLE_OPERATOR}), ())
