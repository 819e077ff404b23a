"""Watches reports: however many look at one, tracking is asked once."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator

from clicktrail.tracking.v1 import report_service_pb2 as pb
from common.errors import ClicktrailError, Kind, Reason, unavailable
from common.logging import get_logger
from gateway.rpc.clients import Services, StreamMethod

log = get_logger(__name__)

WATCHERS_LIMIT = 500
# Of one business, so that those of others are in nobody's way: beyond, whoever has watched for the longest is ended.
WATCHERS_OF_BUSINESS = 40
# A call has an end, so that none is left behind for ever; the next one goes on where it stopped.
CALL_LIFE_SECONDS = 3_600.0
# After tracking has broken off.
PAUSE_SECONDS = 0.5


class Watch:
    """One report, as it is now, kept up to date for as long as somebody watches."""

    def __init__(self, call: StreamMethod, request: pb.GetReportRequest) -> None:
        self.report: pb.Report | None = None
        self.version = 0
        """How often it has changed."""
        self.watchers = 0
        self._changed = asyncio.Event()
        self._call = call
        self._request = pb.WatchReportRequest(report=request)
        self._following = asyncio.create_task(self._follow())

    @property
    def has_ended(self) -> bool:
        """Whether it will not change any more: it was refused, or closed."""
        return self._following.done()

    async def until_changed(self, version: int, seconds: float, given_up: asyncio.Future[None]) -> None:
        """Return when there is another version than this one, after these seconds, or when it is given up.

        Raises what tracking refused it with.
        """
        if self.version == version:
            waiting = asyncio.ensure_future(self._changed.wait())
            until = (waiting, self._following, given_up)
            try:
                await asyncio.wait(until, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            finally:
                # Also where its stream has ended: what nothing refers to any more would be complained of.
                waiting.cancel()
        if self.version == version and self.has_ended and not self._following.cancelled():
            self._following.result()

    def close(self) -> None:
        """Ask no more."""
        self._following.cancel()

    async def _follow(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self._call(self._request, CALL_LIFE_SECONDS)) as responses:
                    async for response in responses:
                        self._take(response.report)
            except ClicktrailError as error:
                # Tracking is restarting, or a store is: whoever watches need not notice.
                if error.kind is not Kind.UNAVAILABLE:
                    raise
                log.info("a watched report broke off", cause=str(error))
            await asyncio.sleep(PAUSE_SECONDS)

    def _take(self, report: pb.Report) -> None:
        self.report = report
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()


class Watches:
    """The reports that are watched now."""

    def __init__(self, services: Services) -> None:
        service = pb.DESCRIPTOR.services_by_name["ReportService"]
        self._call = StreamMethod(services.tracking, service.methods_by_name["WatchReport"])
        self._call_seconds = services.call_seconds
        self._watches: dict[bytes, Watch] = {}
        self._watchers = 0
        self._of_businesses: defaultdict[str, list[asyncio.Future[None]]] = defaultdict(list)
        """What ends each watcher of a business, those first that have watched for the longest."""
        self._is_closed = False

    async def reports(
        self, request: pb.GetReportRequest, idle_seconds: float
    ) -> AsyncGenerator[pb.Report | None, None]:
        """Yield a report, now and whenever it has changed; None when nothing has changed for so long.

        Ends when it is closed, and where others of its business are more than there may be and came later. Raises what
        tracking refuses, and UNAVAILABLE (`OVERLOADED`) beyond 500 watchers.
        """
        key = request.SerializeToString(deterministic=True)
        watch, given_up = self._join(key, request)
        try:
            await watch.until_changed(0, self._call_seconds, given_up)
            if watch.report is None:
                raise unavailable(Reason.UPSTREAM_DOWN, "The report cannot be read at the moment; try again.")
            version = 0
            while not self._is_closed and not given_up.done():
                yield None if watch.version == version else watch.report
                version = watch.version
                await watch.until_changed(version, idle_seconds, given_up)
        finally:
            self._leave(key, watch)
            self._forget(request.business_id, given_up)

    def current(self, request: pb.GetReportRequest) -> pb.Report | None:
        """Return a report that is watched, as it is now: whoever looks at the same needs not ask for it."""
        watch = self._watches.get(request.SerializeToString(deterministic=True))
        return None if watch is None or watch.has_ended else watch.report

    def close(self) -> None:
        """End all watches; nobody can begin another one."""
        self._is_closed = True
        for watch in self._watches.values():
            watch.close()

    def _join(self, key: bytes, request: pb.GetReportRequest) -> tuple[Watch, asyncio.Future[None]]:
        own = self._of_businesses[request.business_id]
        if len(own) >= WATCHERS_OF_BUSINESS:
            own.pop(0).set_result(None)
        if self._is_closed or self._watchers >= WATCHERS_LIMIT:
            raise unavailable(Reason.OVERLOADED, "Too many reports are watched at the moment; try again.")
        watch = self._watches.get(key)
        if watch is None or watch.has_ended:
            watch = self._watches[key] = Watch(self._call, request)
        watch.watchers += 1
        self._watchers += 1
        given_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        own.append(given_up)
        return watch, given_up

    def _forget(self, business_id: str, given_up: asyncio.Future[None]) -> None:
        own = self._of_businesses[business_id]
        if given_up in own:
            own.remove(given_up)
        if not own:
            del self._of_businesses[business_id]

    def _leave(self, key: bytes, watch: Watch) -> None:
        watch.watchers -= 1
        self._watchers -= 1
        if not watch.watchers:
            watch.close()
            if self._watches.get(key) is watch:
                del self._watches[key]
