"""Serves the gateway over HTTP: as many processes as wanted, all on one port."""

import logging
import math
import resource
import signal
import socket
import sys

from uvicorn import Config, Server
from uvicorn.supervisors import Multiprocess

from common.logging import get_logger
from gateway.http.protocol import Connection
from gateway.settings import GatewaySettings

log = get_logger(__name__)

BACKLOG = 2_048
# A worker that has not answered its parent for so long is taken for hung, and replaced.
HUNG_SECONDS = 30
# Connections that wait for nothing, and those that are only told to come again.
SPARE_CONNECTIONS = 2_000
# Files that are no connections of clients.
OTHER_FILES = 200


def serve(settings: GatewaySettings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way. A worker that dies is started again.

    The workers read the settings from the environment again: nothing of this process is shared with them.
    """
    config = Config(
        "gateway.bootstrap:build",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.http_workers,
        loop="uvloop",
        http=Connection,
        ws="none",
        interface="asgi3",
        lifespan="on",
        backlog=BACKLOG,
        timeout_graceful_shutdown=math.ceil(settings.drain_seconds),
        timeout_worker_healthcheck=HUNG_SECONDS,
        # Addresses of clients are read by ourselves, from as many proxies as are trusted.
        proxy_headers=False,
        server_header=False,
        # Queries of short links and reports are nobody's business.
        access_log=False,
        # What the server has to say goes where our own log goes, in its form.
        log_config=None,
        log_level="warning",
    )
    listener = _bound(settings)
    if settings.http_workers > 1:
        # Workers that come and go are worth a line; each of them has a log of its own.
        logging.getLogger("uvicorn.error").setLevel(logging.INFO)
        Multiprocess(config, [listener]).run()
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        # The server raises the signal again once it has stopped: to have been asked to stop is no failure.
        signal.signal(number, lambda _number, _frame: None)
    Server(config).run([listener])


def _bound(settings: GatewaySettings) -> socket.socket:
    """Return a socket at the address to listen on. Exits where that is taken, or none of this machine's."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.set_inheritable(True)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        log.critical("cannot listen", at=settings.http_listen, reason=error.strerror)
        sys.exit(1)
    return listener


def connections_for(queue_limit: int) -> int:
    """Return how many connections a worker takes: room for both queues to fill up, as far as open files allow.

    Raises the limit of open files of this process as far as it needs to be and may be.
    """
    wanted = 2 * queue_limit + SPARE_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + OTHER_FILES:
        soft = wanted + OTHER_FILES if hard == resource.RLIM_INFINITY else min(wanted + OTHER_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - OTHER_FILES))
