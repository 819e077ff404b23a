"""Events: batches against COPY, single POSTs against an INSERT each."""

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import uvloop

from benchmarks.contenders.chain import Chain
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.plain import Plain
from benchmarks.loads.load import wrk_posts
from benchmarks.results import Results, spread
from cli.addresses import Endpoint
from cli.calls import channel_to
from cli.stack.demo_business import BUSINESS
from clicktrail.common.v1 import types_pb2
from clicktrail.tracking.v1 import event_pb2, event_service_pb2, event_service_pb2_grpc
from common.clock import now, to_timestamp
from common.ids import new_nonce, session_from_nonce, uuid7

A_BATCH = 500
BATCHES_AT_ONCE = 4
# Who post: a shop has many visitors at once, and events of one session wait for each other.
VISITORS = 1_000
_SECONDS = 60.0
_COPIED = "events_copied"
_COLUMNS = (
    "business_id, received_at, id, action, session, profile_key, credential, occurred_at, tracked_at, object_id,"
    " amount_minor, currency, metadata, user_parameters, page, utm_params, extra, address, user_agent"
)
AGENT = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36"


def measure_batches(chain: Chain, rounds: int, count: int, results: Results) -> None:
    """Send so many events a round, then copy the same rows into a table that is made like that of events."""
    uvloop.run(_measure_batches(chain, rounds, count, results))


def measure_posts(
    folder: Path, chain: Chain, rivals: Sequence[Contender], plan: tuple[int, float, int], results: Results
) -> None:
    """Post single events to both, in turns: to ours, and to one that awaits an INSERT of the same row.

    Both answer what is durable, by as many processes with as many connections to a PostgreSQL of their own.
    """
    plain = next((rival for rival in rivals if rival.name == Plain.name), None)
    if plain is None:
        return
    rounds, seconds, connections = plan
    body = folder / "events.jsonl"
    sessions = (session_from_nonce(new_nonce()) for _ in range(VISITORS))
    body.write_text("".join(json.dumps({"action": "page.viewed", "session": session}) + "\n" for session in sessions))
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        for url, rates in ((chain.ready.http, ours), (plain.url, theirs)):
            load = wrk_posts(f"{url}/v1/attribution/events", chain.ready.token, body, connections, seconds)
            if load.others:
                raise RuntimeError(f"{load.others} posts to {url} were not taken.")
            rates.append(load.answered / load.seconds)
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    results.figures["posts_vs_insert"] = statistics.median(ratios)
    results.detail["posts_vs_insert"] = {
        "ours_per_s": spread(ours),
        "inserts_per_s": spread(theirs),
        "ratio": spread(ratios),
    }


async def _measure_batches(chain: Chain, rounds: int, count: int, results: Results) -> None:
    connection = await asyncpg.connect(chain.stack.postgres.url)
    ours: list[float] = []
    copies: list[float] = []
    try:
        await connection.execute(f"CREATE TABLE {_COPIED} (LIKE events INCLUDING ALL) PARTITION BY RANGE (received_at)")
        await connection.execute(f"CREATE TABLE {_COPIED}_all PARTITION OF {_COPIED} DEFAULT")
        for _ in range(rounds):
            begun_at = now()
            ours.append(count / await track(chain.stack.tracking_endpoint, count))
            rows = await connection.fetch(
                f"SELECT {_COLUMNS} FROM events WHERE business_id = $1 AND received_at >= $2 LIMIT $3",  # noqa: S608  (our own names)
                BUSINESS,
                begun_at,
                count,
            )
            copies.append(len(rows) / await _copy(connection, rows))
    finally:
        await connection.close()
    ratios = [our / copied for our, copied in zip(ours, copies, strict=True)]
    results.figures["events_vs_copy"] = statistics.median(ratios)
    results.detail["events_vs_copy"] = {
        "ours_per_s": spread(ours),
        "copied_per_s": spread(copies),
        "ratio": spread(ratios),
    }


async def track(service: Endpoint, count: int, a_batch: int = A_BATCH) -> float:
    """Track so many events, a few batches at once; return the seconds that took."""
    batches = [_batch(min(a_batch, count - start)) for start in range(0, count, a_batch)]
    waiting = iter(batches)
    async with channel_to(service) as channel:
        stub = event_service_pb2_grpc.EventServiceStub(channel)

        async def send() -> None:
            for batch in waiting:
                answer = await stub.TrackEvents(batch, timeout=_SECONDS, wait_for_ready=True)
                if any(each.status != event_pb2.RECEIPT_STATUS_ACCEPTED for each in answer.receipts):
                    raise RuntimeError(f"An event was not accepted: {answer.receipts[0]}")

        begun = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(BATCHES_AT_ONCE)))
        return time.perf_counter() - begun


def _batch(count: int) -> event_service_pb2.TrackEventsRequest:
    at = now()
    return event_service_pb2.TrackEventsRequest(
        submissions=[
            event_pb2.Submission(
                business_id=BUSINESS,
                credential=event_pb2.CREDENTIAL_PUBLIC,
                id=uuid7(at, new_nonce()[:10]).bytes,
                received_at=to_timestamp(at),
                event=event_pb2.Event(
                    action="page.viewed",
                    session=session_from_nonce(new_nonce()),
                    metadata=types_pb2.Json(text=b'{"color":"green"}'),
                    page=event_pb2.Page(url="https://shop.example.com/p/1", title="A shoe"),
                ),
                address="203.0.113.7",
                user_agent=AGENT,
            )
            for _ in range(count)
        ]
    )


async def _copy(connection: "asyncpg.Connection[asyncpg.Record]", rows: list[asyncpg.Record]) -> float:
    """Copy rows in transactions as large as the batches were; return the seconds that took."""
    records = [tuple(row) for row in rows]
    names = [name.strip() for name in _COLUMNS.split(",")]
    begun = time.perf_counter()
    for start in range(0, len(records), A_BATCH):
        await connection.copy_records_to_table(_COPIED, records=records[start : start + A_BATCH], columns=names)
    return time.perf_counter() - begun
