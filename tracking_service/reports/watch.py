"""Watches reports: each is read again when the counters of its business have changed, once for all who watch it."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from common.clock import now
from common.errors import ClicktrailError, Reason, unavailable
from common.logging import get_logger
from tracking_service.counters.scopes import Scope, bucket_of
from tracking_service.counters.store import PostgresVersions
from tracking_service.reports.range import WantedRange
from tracking_service.reports.report import Report
from tracking_service.reports.reports import Reports

log = get_logger(__name__)

# A click shows within a second: a report is read at most so often, and looked after a few times in between.
PAUSE_SECONDS = 1.0
POLL_SECONDS = 0.2
# Who watch in one process, and the different reports that they watch: what these cost each second is bounded.
WATCHERS_LIMIT = 500
REPORTS_LIMIT = 100
REPORTS_OF_BUSINESS = 10

Key = tuple[str, Scope, WantedRange]
"""Business, scope and range: who ask for the same share it."""
State = tuple[int, datetime]
"""The version of a business's counters and the quarter of an hour: while both stay, so does a report."""


@dataclass(slots=True)
class Topic:
    """A report that is watched: what it says now, and what it was read at."""

    watchers: int = 0
    report: Report | None = None
    number: int = 0
    state: State | None = None
    read_at: float = 0.0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def publish(self, report: Report) -> None:
        """Tell all who watch, where it says something new."""
        if report != self.report:
            self.report = report
            self.number += 1
            self.tell()

    def tell(self) -> None:
        """Wake all who wait, and let the next ones wait anew."""
        self.changed.set()
        self.changed = asyncio.Event()


class ReportWatch:
    """Lets many watch reports. It works while any caller watches, and ends all watching when it is closed."""

    def __init__(self, reports: Reports, versions: PostgresVersions) -> None:
        self._reports = reports
        self._versions = versions
        self._topics: dict[Key, Topic] = {}
        self._watchers = 0
        self._is_closed = False
        self._task: asyncio.Task[None] | None = None

    async def watch(self, business_id: str, scope: Scope, wanted: WantedRange) -> AsyncGenerator[Report, None]:
        """Yield a report at once and whenever it has changed; who is slow misses what was in between.

        Raises what reports raise, and UNAVAILABLE (`OVERLOADED`) where too many watch.
        """
        key = (business_id, scope, wanted)
        topic = self._join(key)
        try:
            await self._read_first(key, topic)
            seen = 0
            while not self._is_closed:
                changed = topic.changed
                if topic.number > seen and topic.report is not None:
                    seen = topic.number
                    yield topic.report
                else:
                    await changed.wait()
        finally:
            self._leave(key, topic)

    async def close(self) -> None:
        """End all watching, and let no caller begin."""
        self._is_closed = True
        for topic in self._topics.values():
            topic.tell()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _join(self, key: Key) -> Topic:
        is_new = key not in self._topics
        if is_new and sum(of == key[0] for of, *_ in self._topics) >= REPORTS_OF_BUSINESS:
            several = f"More than {REPORTS_OF_BUSINESS} reports of this business are watched at the moment; try again."
            raise unavailable(Reason.OVERLOADED, several)
        if self._is_closed or self._watchers >= WATCHERS_LIMIT or (is_new and len(self._topics) >= REPORTS_LIMIT):
            raise unavailable(Reason.OVERLOADED, "Too many watch reports at the moment; try again.")
        topic = self._topics.setdefault(key, Topic())
        topic.watchers += 1
        self._watchers += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep_reading())
        return topic

    def _leave(self, key: Key, topic: Topic) -> None:
        self._watchers -= 1
        topic.watchers -= 1
        if not topic.watchers:
            del self._topics[key]

    async def _keep_reading(self) -> None:
        """Read what has changed, until no caller watches."""
        while self._topics:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self._read_changed()
            except ClicktrailError as error:
                log.info("watched reports wait", reason=error.reason)
            except Exception:
                # Those who watch have the last report; the next look may succeed.
                log.exception("watched reports could not be read")

    async def _read_changed(self) -> None:
        present = asyncio.get_running_loop().time()
        due = {key: topic for key, topic in self._topics.items() if present - topic.read_at >= PAUSE_SECONDS}
        if not due:
            return
        versions = await self._versions.versions({key[0] for key in due})
        for key, topic in due.items():
            state = _state(versions, key)
            if topic.report is not None and topic.state != state:
                await self._read(key, topic, state)

    async def _read_first(self, key: Key, topic: Topic) -> None:
        async with topic.reading:
            if topic.report is None:
                await self._read(key, topic, _state(await self._versions.versions([key[0]]), key))

    async def _read(self, key: Key, topic: Topic, state: State) -> None:
        """Read a report, at a state that was looked at before: what comes meanwhile is read the next time."""
        topic.read_at = asyncio.get_running_loop().time()
        topic.publish(await self._reports.report(*key))
        topic.state = state


def _state(versions: Mapping[str, int], key: Key) -> State:
    return versions.get(key[0], 0), bucket_of(now())
