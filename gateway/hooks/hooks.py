"""The route that platforms of shops call."""

import re
from collections.abc import Iterable

from clicktrail.tracking.v1 import hook_service_pb2 as pb
from common.clock import now, to_timestamp
from common.errors import ClicktrailError, Kind, Reason, not_found
from gateway.hooks.operations import RECEIVE
from gateway.http import bodies
from gateway.http.exchange import Answer, Exchange, answer
from gateway.http.routes import Route, Routes, Style, error_answer
from gateway.rate_limits.budgets import BudgetKind
from gateway.rate_limits.limits import RateLimits
from gateway.rpc.clients import Services

# As tracking makes them.
_ID = re.compile(r"[0-9a-f]{32}")
# Connections that are remembered to be there, and ids that are remembered to be none's.
IDS_KEPT = 10_000
# Orders with many items come close to a megabyte.
DELIVERY = bodies.Limit(2 * 1024 * 1024, 0)


def _headers(request_id: str) -> dict[str, str]:
    # Pages have no business here: no other site may read the answer.
    return {"x-request-id": request_id, "cache-control": "no-store"}


STYLE = Style(_headers, error_answer, is_for_programs=True)


class Hooks:
    """Hands on what platforms send, byte by byte.

    All shops of a platform share its addresses, and whoever knows the address of a hook may send to it. So what is
    rightly signed is never refused for what others send: a connection that there is has each of its deliveries judged,
    and what turns out to be wrong is counted by itself. Only who asks for ever new hooks that there are not is refused
    unheard, and then only for hooks that are not known to be there.
    """

    def __init__(self, services: Services, limits: RateLimits) -> None:
        methods = pb.DESCRIPTOR.services_by_name["HookService"].methods_by_name
        self._receive = services.method(methods["ReceiveHook"])
        self._limits = limits
        self._there: dict[str, None] = {}
        self._unknown: dict[str, None] = {}

    def routes(self) -> Routes:
        """Return the routes."""
        return [Route(RECEIVE, self.receive, STYLE)]

    async def receive(self, exchange: Exchange) -> Answer:
        """Take a delivery in."""
        connection = exchange.parameters["connection"]
        if not _ID.fullmatch(connection):
            raise not_found(Reason.CONNECTION_UNKNOWN, "There is no such hook.")
        self._check(connection, exchange.network)
        body = await exchange.body.read(DELIVERY)
        body = await exchange.work(bodies.plain, body, exchange.headers, DELIVERY)
        request = pb.ReceiveHookRequest(
            connection=connection,
            headers=_named(exchange.headers.items()),
            query=_named(exchange.query()),
            body=body,
            received_at=to_timestamp(now()),
        )
        try:
            await self._receive(request, request_id=exchange.request_id, is_repeatable=True)
        except ClicktrailError as error:
            self._count(error.kind, connection, exchange.network)
            raise
        self._note_there(connection)
        return answer(200, {"status": "received"})

    def _check(self, connection: str, network: str) -> None:
        """Refuse with 429 what is known to be of no hook, or what is asked for by one who has asked for too many."""
        if connection in self._unknown:
            self._limits.check_stranger(BudgetKind.WRONG_CREDENTIALS, _of_hook(network, connection))
        elif connection not in self._there:
            self._limits.check_stranger(BudgetKind.UNKNOWN_HOOKS, network)

    def _count(self, kind: Kind, connection: str, network: str) -> None:
        """Count what was refused. Raises the refusal with 429 in its place where there was too much of it."""
        if kind is Kind.UNAUTHENTICATED:
            self._note_there(connection)
        elif kind is Kind.NOT_FOUND:
            self._there.pop(connection, None)
            is_new = connection not in self._unknown
            _remember(self._unknown, connection)
            # A platform goes on sending for each shop that was disconnected: each counts once, not each delivery.
            if is_new:
                self._limits.take_as_stranger(BudgetKind.UNKNOWN_HOOKS, network)
        else:
            return
        self._limits.take_as_stranger(BudgetKind.WRONG_CREDENTIALS, _of_hook(network, connection))

    def _note_there(self, connection: str) -> None:
        self._unknown.pop(connection, None)
        _remember(self._there, connection)


def _of_hook(network: str, connection: str) -> str:
    return f"{network} {connection}"


def _remember(ids: dict[str, None], connection: str) -> None:
    ids.pop(connection, None)
    ids[connection] = None
    if len(ids) > IDS_KEPT:
        del ids[next(iter(ids))]


def _named(pairs: Iterable[tuple[str, str]]) -> list[pb.NamedValue]:
    return [pb.NamedValue(name=name, value=value) for name, value in pairs]
