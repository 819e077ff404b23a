"""Says whether requests should be sent to this gateway."""

from gateway.http.exchange import Answer, answer
from gateway.rpc.clients import Services


class Readiness:
    """Ready once both services have served at once, and from then on as long as one of them does.

    While tracking is away links redirect, while the shortener is away events are taken: a gateway that called itself
    unready then would take along what still works, and every other gateway with it.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._has_been_whole = False

    async def answer(self) -> Answer:
        """Return 200 or 503; `status` is `ok`, `degraded` or `unavailable`, and each service is told by its name."""
        health = await self._services.health()
        is_whole = all(health.values())
        self._has_been_whole = self._has_been_whole or is_whole
        is_ready = self._has_been_whole and any(health.values())
        status = "ok" if is_whole else "degraded" if is_ready else "unavailable"
        parts = {name: "ok" if serves else "unavailable" for name, serves in health.items()}
        return answer(200 if is_ready else 503, {"status": status, **parts})
