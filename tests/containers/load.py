"""A light and steady load of clicks and events beside what operators do, and the ledger of it afterwards."""

import asyncio
import itertools
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.containers.shop import SESSION, Shop
from tests.containers.stack import Stack, say
from tests.faults.http_client import Answer, AnswerLostError, Connection, get, post
from tests.faults.load import FROM_SERVER, PHONE

# One click in so many is followed by an event of its session.
CLICKS_AN_EVENT = 3
PAUSE_SECONDS = 0.05
STORED_WITHIN_SECONDS = 90


class UnbalancedError(Exception):
    """What the clients saw is not what is stored."""


class SecureConnection(Connection):
    """The same over TLS, to a server that goes by the name of localhost."""

    def __init__(self, port: int, tls: ssl.SSLContext) -> None:
        super().__init__(port)
        self._tls = tls

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        streams = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._tls, server_hostname="localhost")
        self._streams = streams
        return streams


class Load:
    """Visitors who click at a steady rate, each on a connection of its own, until it is left.

    Whoever gets no answer asks again, as a browser's person does; an event is repeated with its key until it is
    acknowledged.
    """

    def __init__(self, shop: Shop, paths: Sequence[str], clicks_a_second: float) -> None:
        self.shop = shop
        self._paths = paths
        self._rate = clicks_a_second
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.sessions: list[str] = []
        """Sessions seen in a `Location`."""
        self.acknowledged: dict[str, str] = {}
        """Ids of acknowledged events, by key."""
        self.statuses: Counter[tuple[str, int]] = Counter()
        """How often a method was answered with a status."""
        self.unanswered = 0
        """Requests that found nobody, or were cut off: a connection refused is one."""
        self._redirected_at = [time.monotonic()]
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let what is under way end."""
        self._over.set()
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    def run_for(self, seconds: float) -> None:
        """Go on for so long."""
        time.sleep(seconds)
        if not self._thread.is_alive():
            raise UnbalancedError(f"The load ended by itself: {self._failure}")

    @property
    def longest_gap_seconds(self) -> float:
        """The longest time in which no redirect was answered."""
        return max(after - before for before, after in itertools.pairwise(self._redirected_at))

    def summary(self) -> str:
        """Return what was seen, in a line."""
        answers = ", ".join(f"{method} {status}: {count}" for (method, status), count in sorted(self.statuses.items()))
        return (
            f"{len(self.sessions)} clicks and {len(self.acknowledged)} events answered ({answers});"
            f" without an answer {self.unanswered}; longest gap between redirects {self.longest_gap_seconds:.2f} s"
        )

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as visits:
                for number in itertools.count():
                    if self._over.is_set():
                        return
                    visits.create_task(self._visit(number))
                    await asyncio.sleep(1 / self._rate)
        except BaseException as error:  # noqa: BLE001  (told by the thread that waits)
            self._failure = error

    async def _visit(self, number: int) -> None:
        tls = self.shop.tls
        connection = SecureConnection(self.shop.port, tls) if tls else Connection(self.shop.port)
        try:
            answer = await self._until_answered(connection, get(self._paths[number % len(self._paths)], PHONE), 302)
            location = answer.header(b"location") or b""
            session = parse_qs(urlsplit(location.decode()).query)[SESSION][0]
            self.sessions.append(session)
            if number % CLICKS_AN_EVENT == 0:
                await self._send(connection, f"event-{number}", session)
        finally:
            await connection.close()

    async def _send(self, connection: Connection, key: str, session: str) -> None:
        event = {"action": "page.viewed", "session": session, "url": "https://shop.example.com/p/1"}
        request = post(FROM_SERVER, json.dumps(event).encode(), self.shop.token, f"Idempotency-Key: {key}")
        answer = await self._until_answered(connection, request, 200)
        self.acknowledged[key] = str(json.loads(answer.body)["id"])

    async def _until_answered(self, connection: Connection, request: bytes, wanted: int) -> Answer:
        while True:
            try:
                answer = await connection.ask(request)
            except AnswerLostError:
                self.unanswered += 1
            else:
                self.statuses[request[:4].decode().strip(), answer.status] += 1
                if answer.status == wanted:
                    if wanted == 302:
                        self._redirected_at.append(time.monotonic())
                    return answer
            await asyncio.sleep(PAUSE_SECONDS)


def require_balance(load: Load, stack: Stack, *refusals: tuple[str, int]) -> None:
    """Raise `UnbalancedError` where a click or an event that was answered is not stored exactly once.

    An answer is a fault too, unless it is a redirect, an acknowledgement, or one of the refusals that may be.
    """
    say(load.summary())
    allowed = {("GET", 302), ("POST", 200), *refusals}
    if unexpected := {answer: count for answer, count in load.statuses.items() if answer not in allowed}:
        raise UnbalancedError(f"Answers that nobody should see: {unexpected}")
    until = time.monotonic() + STORED_WITHIN_SECONDS
    while (missing := _missing(load, stack)) and time.monotonic() < until:
        time.sleep(1)
    if missing:
        raise UnbalancedError(f"Not stored: {missing[:5]} and {max(0, len(missing) - 5)} more")
    repeated = stack.rows("SELECT session FROM clicks WHERE session IS NOT NULL GROUP BY session HAVING count(*) > 1")
    if repeated or len(set(load.sessions)) < len(load.sessions):
        raise UnbalancedError(f"Stored or given twice: {repeated}")
    # Exits with an error where a figure of the reports differs from the rows.
    stack.clicktrail("reconcile", "--business", load.shop.business)
    say(f"ledger: {len(load.sessions)} clicks and {len(load.acknowledged)} events, each stored once; reports agree")


def _missing(load: Load, stack: Stack) -> list[str]:
    clicks = set(stack.rows("SELECT session FROM clicks WHERE session IS NOT NULL"))
    events = set(stack.rows("SELECT id FROM events"))
    return [*(set(load.sessions) - clicks), *(set(load.acknowledged.values()) - events)]
