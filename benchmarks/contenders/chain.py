"""Brings up the real chain of processes, with a second gateway that makes one call per click."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from benchmarks.contenders.contender import DESTINATION
from benchmarks.contenders.processes import Parts
from cli.calls import run
from cli.data_directory import DataDirectory, Ready
from cli.embedded.server_process import ServerProcess
from cli.links.bulk_creation import Order, create_links
from cli.links.recipients import Row
from cli.reports.report import fetch_report
from cli.stack.demo_business import BUSINESS
from cli.stack.stack import Front, Stack
from clicktrail.shortener.v1 import link_pb2, link_service_pb2
from clicktrail.tracking.v1 import report_service_pb2
from common.settings.settings import PREFIX

CAMPAIGN = "benchmark"
LINKS = 20_000
# A flight of one, and so many in the air that none ever waits for another.
_ONE_BY_ONE_SETTINGS = {"FLIGHT_SIZE": "1", "REDIRECT_FLIGHTS_IN_AIR": "1000", "EVENT_FLIGHTS_IN_AIR": "1000"}


class Chain:
    """Two stores, tracking, shortener and two gateways; `paths` are those of 20,000 links."""

    def __init__(self, folder: Path, workers: int = 1) -> None:
        data = DataDirectory(folder / "data")
        data.make()
        # Read by the gateways alone.
        os.environ[f"{PREFIX}HTTP_WORKERS"] = str(workers)
        # One client asks for as much as thousands do.
        os.environ[f"{PREFIX}RATE_LIMITS"] = "false"
        self.stack = Stack(data, Front())
        self._ready: Ready | None = None
        self.second = self.stack.another("gateway", "second_gateway", _ONE_BY_ONE_SETTINGS)
        self.paths: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._ready = self.stack.start(lambda _step: None)
            self.second.start()
            self.paths = self.make_links(CAMPAIGN, LINKS)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def ready(self) -> Ready:
        """How it is reached."""
        if self._ready is None:
            raise RuntimeError("The chain has not been started.")
        return self._ready

    def make_links(self, campaign: str, count: int) -> list[str]:
        """Create a link for each of so many recipients of a campaign, and return their paths."""
        paths: list[str] = []

        def keep(row: Row, result: link_service_pb2.LinkResult) -> None:
            if result.errors:
                raise RuntimeError(f"No link for {row.external_id}: {result.errors[0].description}")
            paths.append(urlsplit(result.link.short_url).path)

        template = link_pb2.LinkTemplate(destination=DESTINATION, campaign=campaign)
        service = self.stack.shortener_endpoint
        run(create_links(service, Order(BUSINESS, template, count), _rows(count), keep), service)
        return paths

    def clicks_of(self, campaign: str) -> int:
        """Return the clicks that a campaign's report counts."""
        request = report_service_pb2.GetReportRequest(business_id=BUSINESS, campaign=campaign)
        service = self.stack.tracking_endpoint
        return run(fetch_report(service, request), service).totals.clicks

    def _stop(self) -> None:
        self.second.stop()
        self.stack.stop()


class Clicktrail:
    """The chain as a contender, by one of its gateways."""

    def __init__(self, chain: Chain, name: str, gateway: ServerProcess) -> None:
        self.name = name
        self.url = gateway.url
        self._chain = chain
        self._gateway = gateway

    @property
    def parts(self) -> Parts:
        """The processes."""
        stack = self._chain.stack
        return {
            "gateway": [self._gateway.pid],
            "shortener": [stack.shortener.pid],
            "redis": [stack.redis.pid],
            "tracking": [stack.tracking.pid],
            "postgres": [stack.postgres.pid],
        }

    @property
    def stored(self) -> int:
        """The clicks in the report."""
        return self._chain.clicks_of(CAMPAIGN)

    def stop(self) -> None:
        """Leave it to the chain."""


def _rows(count: int) -> Iterator[Row]:
    return (Row(number, f"customer-{number}", f"customer-{number}") for number in range(count))
