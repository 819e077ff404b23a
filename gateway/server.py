"""Serves the gateway over HTTP: as many processes as wanted, all on one port."""

import math
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from gateway.settings import GatewaySettings

BACKLOG = 2_048
HEADER_MILLISECONDS = 10_000

# What the server has to say goes where our own log goes, in its form.
_LOGGING: dict[str, Any] = {
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}, "granian.access": {"propagate": False}},
}


def serve(settings: GatewaySettings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way. A worker that dies is started again.

    The workers read the settings from the environment again: nothing of this process is shared with them.
    """
    Granian(
        "gateway.bootstrap:build",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.http_workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        websockets=False,
        backlog=BACKLOG,
        respawn_failed_workers=True,
        workers_kill_timeout=math.ceil(settings.drain_seconds),
        # Queries of short links and reports are nobody's business.
        log_access=False,
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
    ).serve()
