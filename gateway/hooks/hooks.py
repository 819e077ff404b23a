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
# Connections that are remembered to have sent something that they had signed.
PROVED_KEPT = 10_000
# Orders with many items come close to a megabyte.
DELIVERY = bodies.Limit(2 * 1024 * 1024, 0)


def _headers(request_id: str) -> dict[str, str]:
    # Pages have no business here: no other site may read the answer.
    return {"x-request-id": request_id, "cache-control": "no-store"}


STYLE = Style(_headers, error_answer, is_for_programs=True)


class Hooks:
    """Hands on what platforms send, byte by byte.

    What proves nothing is counted against its sender's network, as wrong credentials are. Shops share the addresses of
    their platform, so that never stops a connection which has proved itself here before.
    """

    def __init__(self, services: Services, limits: RateLimits) -> None:
        methods = pb.DESCRIPTOR.services_by_name["HookService"].methods_by_name
        self._receive = services.method(methods["ReceiveHook"])
        self._limits = limits
        self._proved: dict[str, None] = {}

    def routes(self) -> Routes:
        """Return the routes."""
        return [Route(RECEIVE, self.receive, STYLE)]

    async def receive(self, exchange: Exchange) -> Answer:
        """Take a delivery in."""
        connection = exchange.parameters["connection"]
        if not _ID.fullmatch(connection):
            raise not_found(Reason.CONNECTION_UNKNOWN, "There is no such hook.")
        if connection not in self._proved:
            self._limits.check_stranger(BudgetKind.WRONG_CREDENTIALS, exchange.network)
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
            told = await self._receive(request, request_id=exchange.request_id, is_repeatable=True)
        except ClicktrailError as error:
            if error.kind in (Kind.UNAUTHENTICATED, Kind.NOT_FOUND):
                self._limits.take_as_stranger(BudgetKind.WRONG_CREDENTIALS, exchange.network)
            raise
        if told.kept:
            self._note_proved(connection)
        return answer(200, {"status": "received"})

    def _note_proved(self, connection: str) -> None:
        self._proved.pop(connection, None)
        self._proved[connection] = None
        if len(self._proved) > PROVED_KEPT:
            del self._proved[next(iter(self._proved))]


def _named(pairs: Iterable[tuple[str, str]]) -> list[pb.NamedValue]:
    return [pb.NamedValue(name=name, value=value) for name, value in pairs]
