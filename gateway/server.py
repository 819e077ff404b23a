"""Serves the gateway over HTTP: as many processes as wanted, all on one port."""

import math
import os
import resource
import signal
from functools import partial
from multiprocessing import active_children
from types import FrameType
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from gateway.settings import GatewaySettings
from gateway.stopping import END_OF_STREAMS

BACKLOG = 2_048
HEADER_MILLISECONDS = 10_000
# Connections that wait for nothing, and those that are only told to come again.
SPARE_CONNECTIONS = 2_000
# Files that are no connections of clients.
OTHER_FILES = 200

# What the server has to say goes where our own log goes, in its form.
_LOGGING: dict[str, Any] = {
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}, "granian.access": {"propagate": False}},
}


def serve(settings: GatewaySettings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way. A worker that dies is started again.

    The workers read the settings from the environment again: nothing of this process is shared with them.
    """
    server = Granian(
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
        # Beyond, clients would wait to be let in at all, and hear nothing.
        backpressure=_connections_for(settings.queue_limit),
        respawn_failed_workers=True,
        workers_kill_timeout=math.ceil(settings.drain_seconds),
        # Queries of short links and reports are nobody's business.
        log_access=False,
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
    )
    server.on_startup(_end_streams_first)
    server.serve()


def _end_streams_first() -> None:
    """Let workers end their streams before they are stopped: they would wait for them until they are killed."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, partial(_stop, signal.getsignal(number)))


def _stop(stop: Any, number: int, frame: FrameType | None) -> None:
    for worker in active_children():
        if worker.pid is not None:
            os.kill(worker.pid, END_OF_STREAMS)
    stop(number, frame)


def _connections_for(queue_limit: int) -> int:
    """Return how many connections a worker takes: room for both queues to fill up, as far as open files allow.

    Workers inherit the limit of open files that this raises.
    """
    wanted = 2 * queue_limit + SPARE_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + OTHER_FILES:
        soft = wanted + OTHER_FILES if hard == resource.RLIM_INFINITY else min(wanted + OTHER_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - OTHER_FILES))
