"""Brings up the real chain of processes, with a second gateway that makes one call per click."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from benchmarks.load import Load
from cli.bulk_creation import Order, create_links
from cli.calls import run
from cli.data_directory import DataDirectory, Ready
from cli.demo_business import BUSINESS
from cli.embedded.ports import free_port
from cli.embedded.server_process import ServerProcess
from cli.recipients import Row
from cli.report import fetch_report
from cli.service_program import ServiceProgram
from cli.stack import Front, Stack
from clicktrail.shortener.v1 import link_pb2, link_service_pb2
from clicktrail.tracking.v1 import report_service_pb2

BATCHED = "flights"
ONE_BY_ONE = "one call per click"
CAMPAIGN = "benchmark"
LINKS = 2_000
# A flight of one, and so many in the air that none ever waits for another.
_ONE_BY_ONE_SETTINGS = {"FLIGHT_SIZE": "1", "FLIGHTS_IN_AIR": "1000"}
_POLL_SECONDS = 0.05
_DRAIN_SECONDS = 120.0


class Chain:
    """Two stores, tracking, shortener and two gateways; `paths` are those of 2,000 links."""

    def __init__(self, folder: Path) -> None:
        data = DataDirectory(folder / "data")
        data.make()
        self._stack = Stack(data, Front())
        self._ready: Ready | None = None
        program = ServiceProgram("gateway", self._one_by_one_settings, http_host="127.0.0.1")
        self._second = ServerProcess(
            program, log=data.logs / "second_gateway.log", pid_file=data.path / "second.pid", port=free_port()
        )
        self._forgotten = 0
        self.paths: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._ready = self._stack.start(lambda _step: None)
            self._second.start()
            template = link_pb2.LinkTemplate(destination="https://shop.example.com/p/1?ref=a", campaign=CAMPAIGN)
            order = Order(BUSINESS, template, LINKS)
            run(create_links(self._ready.shortener, order, _rows(), self._keep), self._ready.shortener)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def url(self, name: str) -> str:
        """Return the address of a gateway."""
        return self._second.url if name == ONE_BY_ONE else self._stack.gateway.url

    def settle(self, loads: Sequence[Load]) -> float:
        """Wait until every answered redirect is a stored click; return the seconds that took."""
        expected = sum(load.answered for load in loads)
        begun = time.monotonic()
        while self.stored_clicks() < expected and time.monotonic() - begun < _DRAIN_SECONDS:
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - begun

    def stored_clicks(self) -> int:
        """Return the clicks that the report counts, but for those forgotten."""
        return self._reported() - self._forgotten

    def forget_clicks(self) -> None:
        """Leave the clicks sent so far out of the count, once they have all arrived."""
        before = -1
        while (now := self._reported()) != before:
            before = now
            time.sleep(1)
        self._forgotten = now

    def _reported(self) -> int:
        request = report_service_pb2.GetReportRequest(business_id=BUSINESS, campaign=CAMPAIGN)
        address = self._stack.tracking.url
        return run(fetch_report(address, request), address).totals.clicks

    def _keep(self, row: Row, result: link_service_pb2.LinkResult) -> None:
        if result.errors:
            raise RuntimeError(f"No link for {row.external_id}: {result.errors[0].description}")
        self.paths.append(urlsplit(result.link.short_url).path)

    def _one_by_one_settings(self, port: int) -> dict[str, str]:
        return self._stack.gateway_settings(port) | _ONE_BY_ONE_SETTINGS

    def _stop(self) -> None:
        self._second.stop()
        self._stack.stop()


def _rows() -> Iterator[Row]:
    return (Row(number, f"customer-{number}", f"customer-{number}") for number in range(LINKS))
