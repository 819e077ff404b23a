"""Brings what the spool holds to PostgreSQL, in order, and sets aside what proves invalid there."""

import asyncio
import sqlite3
from collections.abc import Sequence
from uuid import UUID

from google.protobuf.message import DecodeError

from clicktrail.tracking.v1 import event_pb2
from common.backoff import woken_or_after
from common.errors import ClicktrailError, Kind
from common.logging import get_logger
from tracking_service.events.event import Receipt, Status, Submission
from tracking_service.events.intake import EventIntake
from tracking_service.events.messages import submission_from
from tracking_service.postgres.availability import CircuitBreaker
from tracking_service.rejections.rejections import EVENT, Rejected
from tracking_service.rejections.store import PostgresRejected
from tracking_service.spool.file import SpoolRow
from tracking_service.spool.spool import Spool
from tracking_service.sqlite_file import DamagedError

log = get_logger(__name__)

POLL_SECONDS = 1.0
# How often an event is tried that fails in a way which says nothing of its cause.
TRIES = 3
# No business has a longer id: one is shown as far as this.
_ID_LENGTH = 100
_KEPT = (Status.ACCEPTED, Status.DUPLICATE)


class SpoolReplay:
    """Replays the spool, over and over: what a crash lets it do twice is found to be there already."""

    def __init__(self, spool: Spool, intake: EventIntake, rejected: PostgresRejected, breaker: CircuitBreaker) -> None:
        self._spool = spool
        self._intake = intake
        self._rejected = rejected
        self._breaker = breaker

    async def run(self) -> None:
        """Replay whenever there is something and PostgreSQL is there, until cancelled."""
        while True:
            self._spool.filled.clear()
            try:
                await self._spool.adopt()
                if not self._breaker.is_away:
                    await self._replay_all()
            except ClicktrailError as error:
                log.info("the replay waits", reason=error.reason)
                await self._breaker.is_there()
                await asyncio.sleep(POLL_SECONDS)
            except (OSError, sqlite3.Error, DamagedError) as error:
                log.warning("the spool cannot be read", cause=f"{type(error).__name__}: {error}")
                await asyncio.sleep(POLL_SECONDS)
            except Exception:
                # What is in the spool stays there.
                log.exception("the replay failed")
                await asyncio.sleep(POLL_SECONDS)
            await self._pause()

    async def _replay_all(self) -> None:
        counts = dict.fromkeys(Status, 0)
        try:
            while batch := await self._spool.oldest():
                for status in await self._replay(batch.rows):
                    counts[status] += 1
                await self._spool.remove(batch)
        finally:
            if any(counts.values()):
                log.info("events were replayed", **{str(status): count for status, count in counts.items()})

    async def _replay(self, rows: Sequence[SpoolRow]) -> list[Status]:
        """Bring rows to PostgreSQL; they may be forgotten then."""
        submissions = {row: submission for row in rows if (submission := _read(row)) is not None}
        outcomes: dict[SpoolRow, Receipt | str] = dict.fromkeys(rows, "It cannot be read.")
        outcomes |= await self._track(submissions)
        rejected = [
            _rejected(row, outcome)
            for row, outcome in outcomes.items()
            if isinstance(outcome, str) or outcome.status not in _KEPT
        ]
        if rejected:
            await self._rejected.keep(rejected)
            for one in rejected:
                log.warning("a spooled event is rejected", business=one.business_id, id=one.item, reason=one.reason)
        return [outcome.status if isinstance(outcome, Receipt) else Status.REJECTED for outcome in outcomes.values()]

    async def _track(self, submissions: dict[SpoolRow, Submission]) -> dict[SpoolRow, Receipt | str]:
        """Return receipts, or why there is none. Raises UNAVAILABLE."""
        try:
            receipts = await self._intake.track(list(submissions.values()))
        except Exception as error:
            if _is_unavailable(error):
                raise
            log.warning("events are replayed one by one", cause=f"{type(error).__name__}: {error}")
            return {row: await self._track_alone(submission) for row, submission in submissions.items()}
        return dict(zip(submissions, receipts, strict=True))

    async def _track_alone(self, submission: Submission) -> Receipt | str:
        for attempt in range(1, TRIES + 1):
            try:
                return (await self._intake.track([submission]))[0]
            except Exception as error:
                if _is_unavailable(error):
                    raise
                if attempt == TRIES:
                    log.exception("an event cannot be stored and is set aside")
                else:
                    await asyncio.sleep(POLL_SECONDS)
        return "It could not be stored."

    async def _pause(self) -> None:
        await woken_or_after(self._spool.filled, POLL_SECONDS)
        if self._breaker.is_away and self._spool.filled.is_set():
            # Each event that is spooled rings; one look a second is enough for adoption.
            await asyncio.sleep(POLL_SECONDS)


def _read(row: SpoolRow) -> Submission | None:
    try:
        return submission_from(event_pb2.Submission.FromString(row.content))
    except DecodeError:
        return None


def _rejected(row: SpoolRow, outcome: Receipt | str) -> Rejected:
    reason = outcome if isinstance(outcome, str) else _reason(outcome)
    return Rejected(row.business_id[:_ID_LENGTH], EVENT, str(UUID(bytes=row.id)), row.content, reason)


def _reason(receipt: Receipt) -> str:
    return "; ".join(fault.description for fault in receipt.faults)


def _is_unavailable(error: Exception) -> bool:
    return isinstance(error, ClicktrailError) and error.kind is Kind.UNAVAILABLE
