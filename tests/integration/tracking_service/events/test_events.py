"""Events are taken in: each with a receipt of its own, each once, for ever."""

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from grpc import aio

from clicktrail.shortener.v1 import session_pb2
from clicktrail.tracking.v1 import event_pb2
from common.clock import to_timestamp
from common.errors import Reason
from common.rpc.errors import from_rpc_error
from tests.support.tracking_service.events import (
    ACCEPTED,
    CONFLICT,
    DUPLICATE,
    RECEIVED_AT,
    REJECTED,
    SESSION,
    Stub,
    event,
    faults,
    order,
    submission,
    track,
)

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.usefixtures("business")


async def rows(database: "Database", table: str = "events") -> list[dict[str, Any]]:
    """Return all rows of a table."""
    return [dict(row) for row in await database.fetch(f"SELECT * FROM {table}")]  # noqa: S608  (a name of ours)


async def test_an_event_is_kept_as_it_was_sent(events: Stub, database: "Database") -> None:
    """Every field, money in minor units, JSON to the letter."""
    metadata = b'{"big": 9007199254740993, "huge": 1e400, "nul": "\\u0000", "half": "\\ud800", "b": 1, "a": 2}'
    sent = order(
        amount="395.005",
        currency="EUR",
        metadata=metadata,
        extra={"theme": "dark"},
        tracked_at=to_timestamp(RECEIVED_AT - timedelta(minutes=5)),
        page=event_pb2.Page(url="https://shop.example.com/x", title="X"),
        utm_params=event_pb2.UtmSeen(source="google", observed_at=to_timestamp(RECEIVED_AT)),
        user_parameters=event_pb2.UserParameters(id="u1", source="shopify"),
    )
    (receipt,) = await track(events, submission(sent))
    assert receipt.status == ACCEPTED
    (row,) = await rows(database)
    assert str(row["id"]) == receipt.id
    assert (row["amount_minor"], row["currency"], row["credential"]) == (39500, "EUR", "private")
    assert row["metadata"] == metadata.decode()
    assert json.loads(row["extra"]) == {"theme": "dark"}
    assert json.loads(row["page"]) == {"url": "https://shop.example.com/x", "title": "X"}
    assert json.loads(row["utm_params"]) == {"source": "google", "observed_at": "2026-11-22T12:00:00Z"}
    assert json.loads(row["user_parameters"]) == {"id": "u1", "source": "shopify"}
    assert row["occurred_at"] == row["tracked_at"] == RECEIVED_AT - timedelta(minutes=5)
    assert (row["address"], row["user_agent"]) == ("192.0.2.1", "Mozilla/5.0")
    (activity,) = await rows(database, "activities")
    assert (activity["action"], activity["url"]) == ("order.placed", "https://shop.example.com/x")
    shown = json.loads(activity["object"])
    assert shown == {"reference": "1001", "source": "shopify", "id": str(row["object_id"]), "type": "order"}


async def test_an_event_cannot_happen_after_it_was_received(events: Stub, database: "Database") -> None:
    """A clock that is ahead is believed only so far, and kept."""
    ahead = RECEIVED_AT + timedelta(days=2)
    await track(events, submission(event(tracked_at=to_timestamp(ahead))), submission(event()))
    seen = [(row["occurred_at"], row["tracked_at"]) for row in await rows(database)]
    assert set(seen) == {(RECEIVED_AT, ahead), (RECEIVED_AT, None)}


async def test_one_bad_event_fails_alone(events: Stub, database: "Database") -> None:
    """Its neighbours are kept, and the receipts come in order."""
    receipts = await track(
        events, submission(event(), key="a"), submission(event("no.such"), key="b"), submission(event(), key="c")
    )
    assert [(receipt.key, receipt.status) for receipt in receipts] == [
        ("a", ACCEPTED),
        ("b", REJECTED),
        ("c", ACCEPTED),
    ]
    assert faults(receipts[1]) == [("not_found", "action")]
    assert not receipts[1].HasField("id")
    assert len(await rows(database)) == 2


async def test_a_rejected_event_leaves_no_key(events: Stub) -> None:
    """Sent right, with the same key, it is accepted."""
    (first,) = await track(events, submission(event("no.such"), key="k"))
    (second,) = await track(events, submission(event(), key="k"))
    assert (first.status, second.status) == (REJECTED, ACCEPTED)


async def test_the_same_key_is_one_event_for_ever(events: Stub, database: "Database") -> None:
    """Another edge id, another day, keys in another order of its JSON: a duplicate with the first one's id."""
    (first,) = await track(events, submission(event(metadata=b'{"a": 1, "b": [2]}'), key="k"))
    later = submission(event(metadata=b'{"b":[2],"a":1}'), key="k", minutes=60 * 24 * 40)
    (second,) = await track(events, later)
    assert (first.status, second.status) == (ACCEPTED, DUPLICATE)
    assert first.id == second.id
    assert len(await rows(database)) == 1


async def test_the_same_key_with_another_payload_is_a_conflict(events: Stub, database: "Database") -> None:
    """Nothing of it is kept."""
    await track(events, submission(event(metadata={"a": 1}), key="k"))
    (conflict,) = await track(events, submission(event(metadata={"a": 2}), key="k"))
    assert conflict.status == CONFLICT
    assert faults(conflict) == [("conflict", "id")]
    assert len(await rows(database)) == 1


async def test_pages_and_servers_have_keys_of_their_own(events: Stub) -> None:
    """A page cannot take a server's key."""
    public = submission(event(), key="k", credential=event_pb2.CREDENTIAL_PUBLIC)
    receipts = await track(events, public, submission(event(), key="k"))
    assert [receipt.status for receipt in receipts] == [ACCEPTED, ACCEPTED]
    assert receipts[0].id != receipts[1].id


async def test_a_retry_without_a_key_is_the_same_event(events: Stub) -> None:
    """Its edge id tells; another one is another event."""
    sent = submission(event())
    receipts = [(await track(events, each))[0] for each in (sent, sent, submission(event()))]
    assert [receipt.status for receipt in receipts] == [ACCEPTED, DUPLICATE, ACCEPTED]
    assert receipts[0].id == receipts[1].id


async def test_fifty_at_once_with_one_key_are_one_event(events: Stub, database: "Database") -> None:
    """One row, and fifty answers with its id."""
    answers = await asyncio.gather(*(track(events, submission(event(), key="k")) for _ in range(50)))
    receipts = [receipt for (receipt,) in answers]
    assert Counter(receipt.status for receipt in receipts) == {ACCEPTED: 1, DUPLICATE: 49}
    assert len({receipt.id for receipt in receipts}) == 1
    assert len(await rows(database)) == len(await rows(database, "activities")) == 1


async def test_the_same_key_within_a_batch_is_handled_in_order(events: Stub, database: "Database") -> None:
    """The first right one is the event; a rejected one before it takes nothing from it."""
    receipts = await track(
        events,
        submission(event("no.such"), key="k"),
        submission(event(), key="k"),
        submission(event(metadata={"a": 1}), key="k"),
        *(submission(event(), key="k") for _ in range(20)),
    )
    assert [receipt.status for receipt in receipts] == [REJECTED, ACCEPTED, CONFLICT, *[DUPLICATE] * 20]
    assert len(await rows(database)) == 1


async def test_an_order_has_each_action_once(events: Stub, database: "Database") -> None:
    """A second one is a duplicate, whatever its key and payload; its key stands for the first from then on."""
    first, second = await track(
        events, submission(order(amount="10"), key="a"), submission(order(amount="10.00", metadata={"a": 1}), key="b")
    )
    (again,) = await track(events, submission(order(amount="10.00", metadata={"a": 1}), key="b"))
    (shipped,) = await track(events, submission(order("order.shipped")))
    assert [each.status for each in (first, second, again, shipped)] == [ACCEPTED, DUPLICATE, DUPLICATE, ACCEPTED]
    assert first.id == second.id == again.id
    assert {row["action"] for row in await rows(database)} == {"order.placed", "order.shipped"}
    assert len(await rows(database, "objects")) == 1


async def test_the_same_order_at_once_is_one(events: Stub, database: "Database") -> None:
    """Twenty keys, one event."""
    answers = await asyncio.gather(*(track(events, submission(order(), key=f"k{each}")) for each in range(20)))
    assert len({receipt.id for (receipt,) in answers}) == 1
    assert len(await rows(database)) == 1


async def test_an_object_is_found_again(events: Stub, database: "Database") -> None:
    """By reference and source, or by its id; later data replaces earlier data."""
    await track(events, submission(event("product.viewed", object_parameters={"reference": 7, "name": "A"})))
    await track(
        events, submission(event("product.viewed", object_parameters={"reference": "7", "name": "B"}), minutes=1)
    )
    (kept,) = await rows(database, "objects")
    assert (kept["type"], kept["reference"], json.loads(kept["data"])["name"]) == ("product", "7", "B")
    (known,) = await track(events, submission(event("product.purchased", object=str(kept["id"]))))
    (wrong,) = await track(events, submission(event("order.placed", object=str(kept["id"]))))
    assert known.status == ACCEPTED
    assert faults(wrong) == [("object_invalid", "object")]


async def test_an_object_keeps_what_a_later_event_does_not_say(events: Stub, database: "Database") -> None:
    """Whichever is delivered first, in one batch or two; each activity shows what its own event sent."""
    placed = event("order.placed", object_parameters=b'{"reference": "7", "total": 9007199254740993, "state": "new"}')
    shipped = event("order.shipped", object_parameters={"reference": "7", "state": "sent"})
    delivered = event("order.delivered", object_parameters={"reference": "7", "state": "there"})
    await track(events, submission(shipped, minutes=1), submission(placed))
    await track(events, submission(delivered, minutes=2))
    await track(events, submission(event("order.confirmed", object_parameters={"reference": "7", "state": "?"})))
    (kept,) = await rows(database, "objects")
    assert json.loads(kept["data"]) == {"reference": "7", "total": 9007199254740993, "state": "there"}
    assert "9007199254740993" in kept["data"]
    shown = {row["action"]: json.loads(row["object"]) for row in await rows(database, "activities")}
    own = {"id": str(kept["id"]), "type": "order"}
    assert shown["order.shipped"] == {"reference": "7", "state": "sent"} | own
    assert shown["order.placed"] == {"reference": "7", "total": 9007199254740993, "state": "new"} | own


async def test_two_who_bring_the_same_objects_in_turn_do_not_get_stuck(events: Stub, database: "Database") -> None:
    """Nothing that either says is lost."""

    async def bring(member: str, references: list[str]) -> None:
        sent = [event("product.viewed", object_parameters={"reference": one, member: 1}) for one in references]
        assert {receipt.status for receipt in await track(events, *map(submission, sent))} == {ACCEPTED}

    references = [f"p{number}" for number in range(40)]
    for turn in range(5):
        await asyncio.gather(bring(f"a{turn}", references), bring(f"b{turn}", references[::-1]))
    kept = [json.loads(row["data"]) for row in await rows(database, "objects")]
    wanted = {"reference", *(f"{side}{turn}" for side in "ab" for turn in range(5))}
    assert [set(data) for data in kept] == [wanted] * len(references)


async def test_objects_with_a_name_alone_are_apart(events: Stub, database: "Database") -> None:
    """Nothing tells that two are the same."""
    for _ in range(2):
        await track(events, submission(event("product.viewed", object_parameters={"name": "A"})))
    assert len(await rows(database, "objects")) == 2


async def test_money_without_a_currency_is_the_businesss(events: Stub, database: "Database") -> None:
    """Exactly, in minor units."""
    await track(events, submission(event(amount="3.95e2")), submission(event(amount="1000", currency="JPY")))
    seen = {(row["amount_minor"], row["currency"]) for row in await rows(database)}
    assert seen == {(39500, "USD"), (1000, "JPY")}


async def test_custom_actions_are_the_businesss_own(events: Stub, database: "Database") -> None:
    """They need no object, and may have one of a type of theirs."""
    await database.execute(
        "INSERT INTO actions (business_id, id, name, created_at) VALUES ('shop', gen_random_uuid(), 'quiz.won', now())"
    )
    receipts = await track(
        events,
        submission(event("quiz.won", object_type="quiz", object_parameters={"name": "Q"})),
        submission(event("quiz.won", object_parameters={"name": "Q"})),
        submission(event("quiz.won")),
    )
    assert [receipt.status for receipt in receipts] == [ACCEPTED] * 3
    assert {row["type"] for row in await rows(database, "objects")} == {"quiz"}


async def test_an_older_name_is_folded(events: Stub, database: "Database") -> None:
    """Both names are one action, and with one key one event."""
    receipts = await track(events, submission(event("page.visited"), key="k"), submission(event(), key="k"))
    assert [receipt.status for receipt in receipts] == [ACCEPTED, DUPLICATE]
    assert [row["action"] for row in await rows(database)] == ["page.viewed"]


async def test_a_profile_claims_a_free_session(events: Stub, database: "Database") -> None:
    """What the session did before goes along; a second profile is refused and leaves nothing."""
    before, claiming = [
        (await track(events, each))[0] for each in (submission(event()), submission(event(profile="ann"), key="k"))
    ]
    (refused,) = await track(events, submission(event("cart.viewed", profile="eve"), key="e"))
    (retried,) = await track(events, submission(event("cart.viewed", profile="ann"), key="e"))
    assert [each.status for each in (before, claiming, refused, retried)] == [ACCEPTED, ACCEPTED, REJECTED, ACCEPTED]
    assert faults(refused) == [("identity_assigned", "session")]
    assert [row["id"] for row in await rows(database, "profiles")] == ["ann"]
    owners = {row["profile_key"] for row in await rows(database, "activities")}
    assert len(owners) == 1
    assert None not in owners


async def test_a_profile_alone_is_enough(events: Stub, database: "Database") -> None:
    """It is made where it is not known."""
    (receipt,) = await track(events, submission(event(session=None, profile="ann")))
    assert receipt.status == ACCEPTED
    assert [row["id"] for row in await rows(database, "profiles")] == ["ann"]


async def test_a_session_fresh_from_a_click_is_the_recipients(events: Stub, database: "Database") -> None:
    """Before its click was delivered: the event has the link's campaign, and another profile is refused."""
    fresh = session_pb2.Session(
        id=SESSION,
        business_id="shop",
        profile="ann",
        link="abc",
        campaign="spring",
        created_at=to_timestamp(RECEIVED_AT),
    )
    refused, accepted = await track(
        events, submission(event(profile="eve"), fresh_session=fresh), submission(event(), fresh_session=fresh)
    )
    assert (refused.status, accepted.status) == (REJECTED, ACCEPTED)
    (activity,) = await rows(database, "activities")
    assert (activity["link"], activity["campaign"]) == ("abc", "spring")
    assert activity["profile_key"] is not None


async def test_a_fresh_session_of_another_business_says_nothing(events: Stub, database: "Database") -> None:
    """Nor one of another id."""
    stranger = session_pb2.Session(id=SESSION, business_id="other", profile="ann", link="abc")
    (receipt,) = await track(events, submission(event(), fresh_session=stranger))
    assert receipt.status == ACCEPTED
    assert [row["link"] for row in await rows(database, "activities")] == [None]


async def test_a_batch_has_a_limit(events: Stub, database: "Database") -> None:
    """A thousand events are taken, one more is refused as a whole."""
    many = [submission(event(), key=str(number)) for number in range(1_001)]
    with pytest.raises(aio.AioRpcError) as caught:
        await track(events, *many)
    error = from_rpc_error(caught.value)
    assert error is not None
    assert error.reason is Reason.BATCH_TOO_LARGE
    receipts = await track(events, *many[1:])
    assert {receipt.status for receipt in receipts} == {ACCEPTED}
    assert len(await rows(database)) == 1_000


async def test_an_empty_batch_is_answered(events: Stub) -> None:
    """With no receipts."""
    assert await track(events) == []


async def test_batches_that_share_keys_at_once_agree(events: Stub, database: "Database") -> None:
    """In other orders, so that they would lock in circles."""
    sent = [submission(event(metadata={"n": number}), key=str(number)) for number in range(30)]
    answers = await asyncio.gather(*(track(events, *sent[shift:], *sent[:shift]) for shift in range(0, 30, 2)))
    assert sum(receipt.status == ACCEPTED for answer in answers for receipt in answer) == 30
    assert all(receipt.status in (ACCEPTED, DUPLICATE) for answer in answers for receipt in answer)
    assert len(await rows(database)) == 30
