"""What the gateway says of itself: whether it lives, whether it is ready, and what of it is documented."""

from gateway.http.exchange import Answer, Exchange, answer
from gateway.http.operation import Access, Operation, Response, Schema, in_json
from gateway.http.routes import Handler, Route, Routes, Style, error_answer
from gateway.rpc.clients import Services

_STATUS = in_json({"type": "object", "properties": {"status": {"enum": ["ok"]}}, "required": ["status"]})
_PART: Schema = {"enum": ["ok", "unavailable"]}
_READINESS = in_json(
    {
        "type": "object",
        "properties": {
            "status": {"enum": ["ok", "degraded", "unavailable"]},
            "shortener": _PART,
            "tracking": _PART,
        },
        "required": ["status", "shortener", "tracking"],
    }
)


class Readiness:
    """Ready once both services have served at once, and from then on as long as one of them does.

    While tracking is away links redirect, while the shortener is away events are taken: a gateway that called itself
    unready then would take along what still works, and every other gateway with it.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._has_been_whole = False

    async def answer(self, _exchange: Exchange) -> Answer:
        """Return 200 or 503; `status` is `ok`, `degraded` or `unavailable`, and each service is told by its name."""
        health = await self._services.health()
        is_whole = all(health.values())
        self._has_been_whole = self._has_been_whole or is_whole
        is_ready = self._has_been_whole and any(health.values())
        status = "ok" if is_whole else "degraded" if is_ready else "unavailable"
        parts = {name: "ok" if serves else "unavailable" for name, serves in health.items()}
        return answer(200 if is_ready else 503, {"status": status, **parts})


def _own(path: str, id_: str, summary: str, responses: dict[int, Response]) -> Operation:
    return Operation(
        method="GET",
        path=path,
        id=id_,
        summary=summary,
        tag="operations",
        access=Access.ANYONE,
        responses=responses,
        errors=(),
    )


_HEALTH = _own("/healthz", "getHealth", "Says that the gateway runs.", {200: Response("It runs.", _STATUS)})
_READY = _own(
    "/readyz",
    "getReadiness",
    "Says whether to send requests here: once both services have served, as long as one of them does.",
    {200: Response("Yes.", _READINESS), 503: Response("Not yet, or nothing could be served.", _READINESS)},
)
_ROBOTS = _own(
    "/robots.txt",
    "getRobots",
    "Tells crawlers where they may go.",
    {200: Response("It.", {"text/plain": {"type": "string"}})},
)
_ICON = _own("/favicon.ico", "getIcon", "There is no icon.", {204: Response("None.")})

_STYLE = Style(lambda _request_id: {"cache-control": "no-store"}, error_answer)


def own_routes(services: Services) -> Routes:
    """Return the routes of what the gateway says of itself."""
    return [
        Route(_HEALTH, _fixed(answer(200, {"status": "ok"})), _STYLE),
        Route(_READY, Readiness(services).answer, _STYLE),
        Route(_ROBOTS, _fixed(Answer(200, b"User-agent: *\nDisallow:\n", content_type="text/plain")), _STYLE),
        Route(_ICON, _fixed(Answer(204)), _STYLE),
    ]


def _fixed(answered: Answer) -> Handler:
    async def handle(_exchange: Exchange) -> Answer:
        return answered

    return handle
