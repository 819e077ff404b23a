"""Counts the requests of each business that were answered with 429, and tells tracking every two seconds."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from clicktrail.tracking.v1 import refused_request_service_pb2 as pb
from clicktrail.tracking.v1.event_pb2 import CREDENTIAL_PRIVATE, CREDENTIAL_PUBLIC
from common.clock import EPOCH, now, to_timestamp
from common.field_rules import rules
from common.logging import get_logger
from common.rare_warnings import RareWarning
from gateway.account import Account
from gateway.rate_limits.budgets import BudgetKind
from gateway.rpc.clients import Services

log = get_logger(__name__)

TELL_SECONDS = 2.0
QUARTER = timedelta(minutes=15)
# While tracking is away, they wait: of so many businesses, kinds and quarters, and no more.
KEPT_COUNTS = 20_000
_MOST_AT_ONCE = rules(pb.RecordRefusedRequestsRequest, "counts").max_items


class RefusalKey(NamedTuple):
    """What is counted together."""

    business_id: str
    kind: BudgetKind
    is_private: bool
    quarter: int
    """Since 1970."""


class RefusalCounts:
    """How many requests were refused in each quarter of an hour. Everything happens in one event loop."""

    def __init__(self, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock
        self._counts: dict[RefusalKey, int] = {}
        self._told: dict[RefusalKey, int] = {}

    def count(self, kind: BudgetKind, account: Account) -> None:
        """Count a request."""
        key = RefusalKey(account.business_id, kind, account.is_private, self._quarter())
        if key in self._counts or len(self._counts) < KEPT_COUNTS:
            self._counts[key] = self._counts.get(key, 0) + 1

    def untold(self, most: int) -> dict[RefusalKey, int]:
        """Return counts that have risen since they were told, each from the beginning of its quarter on."""
        risen = ((key, count) for key, count in self._counts.items() if count > self._told.get(key, 0))
        return dict(islice(risen, most))

    def note_told(self, counts: Mapping[RefusalKey, int]) -> None:
        """Take note that tracking has these counts; those that can rise no more are forgotten."""
        self._told.update(counts)
        present = self._quarter()
        for key in [key for key, count in self._told.items() if key.quarter < present and count == self._counts[key]]:
            del self._counts[key], self._told[key]

    def _quarter(self) -> int:
        return (self._clock() - EPOCH) // QUARTER


class RefusalReports:
    """Tells tracking what this process has refused.

    Nobody waits for it. Each count is told as a whole, so that what was told twice counts once; while tracking is away,
    they wait. What was counted in the last seconds before a crash is lost.
    """

    def __init__(self, services: Services, counts: RefusalCounts) -> None:
        methods = pb.DESCRIPTOR.services_by_name["RefusedRequestService"].methods_by_name
        self._record = services.method(methods["RecordRefusedRequests"])
        self._counts = counts
        self._gateway = secrets.token_hex(8)
        self._warning = RareWarning(log, "tracking was not told what was refused")

    async def keep_telling(self) -> None:
        """Tell what was counted, for ever."""
        while True:
            await asyncio.sleep(TELL_SECONDS)
            await self.tell()

    async def tell(self) -> None:
        """Tell what was counted since the last time, if tracking can be told now."""
        try:
            while counts := self._counts.untold(_MOST_AT_ONCE):
                await self._record(
                    pb.RecordRefusedRequestsRequest(gateway=self._gateway, counts=map(_message, counts.items())),
                    TELL_SECONDS,
                )
                self._counts.note_told(counts)
        except Exception as error:  # noqa: BLE001  (whatever it is, the counts wait for the next time)
            self._warning.tell(cause=repr(error)[:200])


def _message(counted: tuple[RefusalKey, int]) -> pb.RefusedRequestCount:
    key, count = counted
    credential = CREDENTIAL_PRIVATE if key.is_private else CREDENTIAL_PUBLIC
    return pb.RefusedRequestCount(
        business_id=key.business_id,
        quarter=to_timestamp(EPOCH + key.quarter * QUARTER),
        refused=pb.RefusedRequests(kind=key.kind, credential=credential, count=count),
    )
