"""Events are taken in while PostgreSQL is away, and are stored once when it is back."""

from typing import Any

import pytest

from cli.embedded.server_process import ServerProcess
from clicktrail.tracking.v1 import action_service_pb2, action_service_pb2_grpc
from common.errors import Reason, unavailable
from tests.support.tracking_service.events import (
    ACCEPTED,
    CONFLICT,
    DUPLICATE,
    REJECTED,
    event,
    faults,
    order,
    submission,
)
from tests.support.tracking_service.spooling import SECONDS, Running, freeze, outage, rows, site, stored, thaw

__all__ = ["outage", "site"]


async def test_events_are_kept_through_an_outage(site: Running, outage: ServerProcess, postgres_url: str) -> None:
    """Each is accepted with the id it is stored with, once, with the time of its receipt."""
    sent = [submission(event(), key=f"k{n}", minutes=n) for n in range(5)] + [submission(order(), minutes=9)]
    outage.kill()
    receipts = await site.track(*sent)
    assert [receipt.status for receipt in receipts] == [ACCEPTED] * 6
    assert await site.is_serving()
    outage.start()
    await site.until_replayed()
    assert await stored(postgres_url) == [receipt.id for receipt in receipts]
    assert [receipt.id for receipt in await site.track(*sent)] == [receipt.id for receipt in receipts]
    assert len(await stored(postgres_url)) == 6
    assert await rows(postgres_url, "SELECT min(received_at) FROM events") == [
        (sent[0].received_at.ToDatetime(tzinfo=(await rows(postgres_url, "SELECT now()"))[0][0].tzinfo),)
    ]


async def test_an_id_means_one_event_in_the_spool_too(site: Running, outage: ServerProcess, postgres_url: str) -> None:
    """The same again is a duplicate with the same id, something else a conflict, within a batch and across."""
    outage.kill()
    first, again, other = await site.track(
        submission(event(), key="k"), submission(event(), key="k"), submission(event("cart.viewed"), key="k")
    )
    assert [first.status, again.status, other.status] == [ACCEPTED, DUPLICATE, CONFLICT]
    assert again.id == first.id
    assert faults(other) == [("conflict", "id")]
    (later,) = await site.track(submission(event(), key="k", minutes=1))
    assert (later.status, later.id) == (DUPLICATE, first.id)
    outage.start()
    await site.until_replayed()
    assert await stored(postgres_url) == [first.id]
    assert await rows(postgres_url, "SELECT * FROM rejected") == []


async def test_an_id_of_our_own_stays_the_same(site: Running, outage: ServerProcess, postgres_url: str) -> None:
    """Where the edge gave neither id nor time, the event has one from its receipt on."""
    sent = submission(event(), id=b"")
    sent.ClearField("received_at")
    outage.kill()
    (receipt,) = await site.track(sent)
    assert receipt.status == ACCEPTED
    outage.start()
    await site.until_replayed()
    assert await stored(postgres_url) == [receipt.id]


async def test_what_is_wrong_is_told_at_once(site: Running, outage: ServerProcess) -> None:
    """What can be judged without PostgreSQL is; its neighbours are kept."""
    outage.kill()
    wrong, right, missing = await site.track(
        submission(event(amount="ten")), submission(event()), submission(event(""))
    )
    assert (wrong.status, faults(wrong)) == (REJECTED, [("invalid", "amount")])
    assert right.status == ACCEPTED
    assert (missing.status, faults(missing)) == (REJECTED, [("parameter_missing", "action")])


async def test_a_custom_action_may_have_been_made_at_the_last_moment(
    site: Running, outage: ServerProcess, postgres_url: str
) -> None:
    """What the accounts do not show yet may be right, so an event with it is kept, and judged when it is replayed."""
    stub = action_service_pb2_grpc.ActionServiceStub(site.channel)
    action = action_service_pb2.Action(name="table.booked")
    await stub.CreateAction(action_service_pb2.CreateActionRequest(business_id="shop", action=action), timeout=SECONDS)
    outage.kill()
    booked, nonsense = await site.track(submission(event("table.booked")), submission(event("no.action"), minutes=1))
    assert [booked.status, nonsense.status] == [ACCEPTED, ACCEPTED]
    outage.start()
    await site.until_replayed()
    assert await stored(postgres_url) == [booked.id]
    assert await rows(postgres_url, "SELECT item, reason FROM rejected") == [
        (nonsense.id, "action is neither a built-in one nor one of this business.")
    ]


async def test_what_proves_invalid_is_set_aside(site: Running, outage: ServerProcess, postgres_url: str) -> None:
    """With its reason and its message: an object that is not there, an id used for another event before."""
    (before,) = await site.track(submission(event(), key="used"))
    outage.kill()
    lost = submission(event("order.placed", object="0" * 32), minutes=1)
    clash = submission(event("cart.viewed"), key="used", minutes=2)
    nowhere = submission(event(), business_id="nobody", minutes=3)
    fine = submission(event(), minutes=4)
    receipts = await site.track(lost, clash, nowhere, fine)
    assert [receipt.status for receipt in receipts] == [ACCEPTED] * 4
    outage.start()
    await site.until_replayed()
    assert await stored(postgres_url) == [before.id, receipts[3].id]
    found = await rows(postgres_url, "SELECT business_id, kind, item, content, reason FROM rejected ORDER BY id")
    assert found == [
        ("shop", "event", receipts[0].id, lost.SerializeToString(), "object names none that there is."),
        ("shop", "event", receipts[1].id, clash.SerializeToString(), "id was used for another event."),
        ("nobody", "event", receipts[2].id, nowhere.SerializeToString(), "There is no such business."),
    ]


async def test_an_object_named_by_id_is_found_at_replay(
    site: Running, outage: ServerProcess, postgres_url: str
) -> None:
    """It cannot be looked up during the outage, so it is taken to be there."""
    await site.track(submission(order()))
    ((object_id,),) = await rows(postgres_url, "SELECT id FROM objects")
    outage.kill()
    (receipt,) = await site.track(submission(event("order.confirmed", object=str(object_id)), minutes=1))
    assert receipt.status == ACCEPTED
    outage.start()
    await site.until_replayed()
    assert receipt.id in await stored(postgres_url)


async def test_an_order_action_that_is_there_is_no_second_one(
    site: Running, outage: ServerProcess, postgres_url: str
) -> None:
    """The event is found to be a duplicate when it is replayed."""
    (first,) = await site.track(submission(order(), key="one"))
    outage.kill()
    (second,) = await site.track(submission(order(), key="two", minutes=1))
    assert second.status == ACCEPTED
    outage.start()
    await site.until_replayed()
    assert await stored(postgres_url) == [first.id]
    assert await rows(postgres_url, "SELECT * FROM rejected") == []


async def test_a_thousand_sent_again_change_nothing(site: Running, outage: ServerProcess, postgres_url: str) -> None:
    """Neither in the spool nor after the replay."""
    sent = [submission(event(), key=f"k{n}", minutes=n / 60) for n in range(1000)]
    outage.kill()
    receipts = await site.track(*sent)
    again = await site.track(*sent)
    assert {receipt.status for receipt in receipts} == {ACCEPTED}
    assert {receipt.status for receipt in again} == {DUPLICATE}
    outage.start()
    await site.until_replayed()
    ids = [receipt.id for receipt in receipts]
    assert await stored(postgres_url) == ids
    assert [receipt.id for receipt in await site.track(*sent)] == ids
    assert await stored(postgres_url) == ids


async def test_a_frozen_server_is_an_outage(site: Running, outage: ServerProcess, postgres_url: str) -> None:
    """Also the first event is answered within the gateway's deadline, and so is a credential."""
    await site.track(submission(event(), key="before"))
    freeze(outage)
    try:
        receipts = [receipt for n in range(3) for receipt in await site.track(submission(event(), minutes=n))]
        assert [receipt.status for receipt in receipts] == [ACCEPTED] * 3
        assert (await site.authenticate("shop")).business_id == "shop"
        assert await site.is_serving()
    finally:
        thaw(outage)
    await site.until_replayed()
    assert {receipt.id for receipt in receipts} < set(await stored(postgres_url))


async def test_a_failing_disk_of_postgres_is_an_outage(site: Running, postgres_url: str) -> None:
    """What PostgreSQL cannot write to its disk is kept on ours until it can."""
    await rows(
        postgres_url,
        """
        CREATE FUNCTION fail_to_write() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'could not write block 7: Input/output error' USING ERRCODE = 'io_error'; END $$;
        """,
    )
    await rows(
        postgres_url,
        "CREATE TRIGGER failing BEFORE INSERT ON event_keys FOR EACH ROW EXECUTE FUNCTION fail_to_write()",
    )
    (receipt,) = await site.track(submission(event()))
    assert receipt.status == ACCEPTED
    assert await stored(postgres_url) == []
    await rows(postgres_url, "DROP TRIGGER failing ON event_keys")
    await site.until_replayed()
    assert await stored(postgres_url) == [receipt.id]
    assert await rows(postgres_url, "SELECT * FROM rejected") == []


async def test_a_commit_whose_answer_was_lost(
    site: Running, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goes to the spool too; the replay finds the event and stores no second one."""
    intake = site.service._fallback.intake._intake
    track = intake.track

    async def track_and_lose(submissions: Any) -> Any:
        monkeypatch.setattr(intake, "track", track)
        await track(submissions)
        raise unavailable(Reason.STORE_DOWN, "The connection broke.")

    monkeypatch.setattr(intake, "track", track_and_lose)
    (receipt,) = await site.track(submission(order()))
    assert receipt.status == ACCEPTED
    await site.until_replayed()
    assert await stored(postgres_url) == [receipt.id]
    assert await rows(postgres_url, "SELECT * FROM rejected") == []


async def test_an_event_that_always_fails_blocks_nobody(
    site: Running, outage: ServerProcess, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those before and behind it are stored, and it is set aside."""
    intake = site.service._fallback.intake._intake
    track = intake.track

    async def track_all_but_one(submissions: Any) -> Any:
        if any(each.key == "failing" for each in submissions):
            raise ZeroDivisionError
        return await track(submissions)

    outage.kill()
    sent = [submission(event(), key=key, minutes=n) for n, key in enumerate(("before", "failing", "behind"))]
    receipts = await site.track(*sent)
    monkeypatch.setattr(intake, "track", track_all_but_one)
    outage.start()
    await site.until_replayed()
    assert await stored(postgres_url) == [receipts[0].id, receipts[2].id]
    assert await rows(postgres_url, "SELECT item, reason FROM rejected") == [
        (receipts[1].id, "It could not be stored.")
    ]
