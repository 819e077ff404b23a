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
# Orders with many items come close to a megabyte.
DELIVERY = bodies.Limit(2 * 1024 * 1024, 0)


def _headers(request_id: str) -> dict[str, str]:
    # Pages have no business here: no other site may read the answer.
    return {"x-request-id": request_id, "cache-control": "no-store"}


STYLE = Style(_headers, error_answer, is_for_programs=True)


class Hooks:
    """Hands on what platforms send, byte by byte.

    All shops of a platform share its addresses, whoever knows the address of a hook may send to it, and some platforms
    never send again what was refused. So what is rightly signed is never refused for what others send: each delivery
    is judged, and only what turns out to be wrong is counted, and then told to wait. To refuse it unheard would spare
    no more than one look for its hook.
    """

    def __init__(self, services: Services, limits: RateLimits) -> None:
        methods = pb.DESCRIPTOR.services_by_name["HookService"].methods_by_name
        self._receive = services.method(methods["ReceiveHook"])
        self._limits = limits

    def routes(self) -> Routes:
        """Return the routes."""
        return [Route(RECEIVE, self.receive, STYLE)]

    async def receive(self, exchange: Exchange) -> Answer:
        """Take a delivery in."""
        connection = exchange.parameters["connection"]
        if not _ID.fullmatch(connection):
            raise not_found(Reason.CONNECTION_UNKNOWN, "There is no such hook.")
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
        return answer(200, {"status": "received"})

    def _count(self, kind: Kind, connection: str, network: str) -> None:
        """Count what was refused. Raises the refusal with 429 in its place where there was too much of it."""
        if kind is Kind.UNAUTHENTICATED:
            self._limits.take_as_stranger(BudgetKind.WRONG_CREDENTIALS, f"{network} {connection}")
        elif kind is Kind.NOT_FOUND:
            self._limits.take_as_stranger(BudgetKind.UNKNOWN_HOOKS, network)


def _named(pairs: Iterable[tuple[str, str]]) -> list[pb.NamedValue]:
    return [pb.NamedValue(name=name, value=value) for name, value in pairs]
