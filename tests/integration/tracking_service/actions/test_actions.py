"""Custom actions of a business."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask
from grpc import aio

from clicktrail.tracking.v1 import action_service_pb2 as pb
from clicktrail.tracking.v1 import action_service_pb2_grpc
from common.errors import Reason
from tests.support.tracking_service.calling import SECONDS, Caller, failure, faults
from tests.support.tracking_service.events import ACCEPTED, event
from tests.support.waiting import eventually

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]

Stub = action_service_pb2_grpc.ActionServiceStub
pytestmark = pytest.mark.usefixtures("business")


@pytest_asyncio.fixture
async def actions(channel: aio.Channel) -> Stub:
    """Return the stub of ActionService."""
    return Stub(channel)


async def create(actions: Stub, name: str, business_id: str = "shop", **fields: Any) -> pb.Action:
    """Create an action."""
    request = pb.CreateActionRequest(business_id=business_id, action=pb.Action(name=name, **fields))
    return (await actions.CreateAction(request, timeout=SECONDS)).action


async def read(actions: Stub, action_id: str) -> pb.Action:
    """Read an action."""
    return (await actions.GetAction(pb.GetActionRequest(business_id="shop", id=action_id), timeout=SECONDS)).action


async def change(actions: Stub, action_id: str, *paths: str, **fields: Any) -> pb.Action:
    """Change the fields named of an action."""
    request = pb.UpdateActionRequest(
        business_id="shop", id=action_id, action=pb.Action(**fields), update_mask=FieldMask(paths=paths)
    )
    return (await actions.UpdateAction(request, timeout=SECONDS)).action


async def delete(actions: Stub, action_id: str) -> None:
    """Delete an action."""
    await actions.DeleteAction(pb.DeleteActionRequest(business_id="shop", id=action_id), timeout=SECONDS)


async def test_an_action_is_read_as_it_was_created(actions: Stub) -> None:
    """Until it is deleted."""
    made = await create(actions, "loyalty.redeemed", title="Points redeemed", conversion=True)
    assert (made.title, made.conversion, made.important) == ("Points redeemed", True, False)
    assert await read(actions, made.id) == made
    await delete(actions, made.id)
    assert (await failure(read(actions, made.id))).reason is Reason.ACTION_UNKNOWN
    assert (await failure(delete(actions, made.id))).reason is Reason.ACTION_UNKNOWN
    assert (await failure(read(actions, "no uuid"))).reason is Reason.ACTION_UNKNOWN


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("", "parameter_missing"),
        ("loyalty", "invalid"),
        ("Loyalty.redeemed", "invalid"),
        ("a.b.c", "invalid"),
        ("a." + "b" * 100, "invalid"),
        ("a.b\n", "invalid"),
        ("a.\0", "invalid"),
        ("order.placed", "parameter_not_unique"),
        ("page.visited", "parameter_not_unique"),
        ("short_link.clicked", "parameter_not_unique"),
    ],
)
async def test_names_are_object_and_verb(actions: Stub, name: str, type_: str) -> None:
    """In lower case, and none of the built-in ones."""
    assert faults(await failure(create(actions, name))) == [(type_, "name")]


async def test_names_are_given_once(actions: Stub) -> None:
    """In one business; a business that there is not has none."""
    made = await create(actions, "loyalty.redeemed")
    taken = await failure(create(actions, "loyalty.redeemed"))
    assert (taken.reason, faults(taken)) == (Reason.ACTION_TAKEN, [("conflict", "name")])
    other = await create(actions, "loyalty.earned")
    assert (await failure(change(actions, other.id, "name", name=made.name))).reason is Reason.ACTION_TAKEN
    assert (await failure(create(actions, "loyalty.redeemed", "nobody"))).reason is Reason.BUSINESS_UNKNOWN


async def test_the_fields_named_are_changed(actions: Stub) -> None:
    """The others stay; fixed ones are refused by name."""
    made = await create(actions, "loyalty.redeemed", title="Points", important=True)
    changed = await change(actions, made.id, "name", "title", "conversion", name="loyalty.used", conversion=True)
    assert (changed.name, changed.HasField("title"), changed.conversion, changed.important) == (
        "loyalty.used",
        False,
        True,
        True,
    )
    assert faults(await failure(change(actions, made.id, "created_at"))) == [("invalid", "created_at")]


async def test_an_action_with_events_stays(actions: Stub, channel: aio.Channel) -> None:
    """It can neither be deleted nor renamed, but marked as a conversion."""
    made = await create(actions, "loyalty.redeemed")
    assert (await Caller(channel).track(event("loyalty.redeemed"))).status == ACCEPTED
    deleting = await failure(delete(actions, made.id))
    assert (deleting.reason, faults(deleting)) == (Reason.NOT_ALLOWED, [("not_allowed", None)])
    assert faults(await failure(change(actions, made.id, "name", name="a.b"))) == [("not_allowed", "name")]
    assert (await change(actions, made.id, "conversion", conversion=True)).conversion


async def test_an_event_and_a_deletion_do_not_pass_each_other_by(
    actions: Stub, channel: aio.Channel, database: "Database"
) -> None:
    """Of both at once either the event is refused or the deletion; no event is left without its action."""
    caller = Caller(channel)
    for number in range(30):
        made = await create(actions, f"loyalty.level_{number}")
        both: tuple[Any, Any] = await asyncio.gather(
            caller.track(event(made.name)), delete(actions, made.id), return_exceptions=True
        )
        tracked, deleted = both
        assert (tracked.status == ACCEPTED) == isinstance(deleted, aio.AioRpcError)
        if tracked.status != ACCEPTED:
            assert [(fault.type, fault.parameter) for fault in tracked.errors] == [("not_found", "action")]
    orphans = await database.fetch(
        "SELECT action FROM events e WHERE NOT EXISTS (SELECT FROM actions a WHERE a.name = e.action)"
    )
    assert orphans == []


async def test_an_event_waits_for_a_deletion_under_way(
    actions: Stub, channel: aio.Channel, database: "Database"
) -> None:
    """Judged while the action was there, it is refused once that is gone, its key given back."""
    made = await create(actions, "loyalty.redeemed")
    caller = Caller(channel)
    async with database.transaction():
        await database.execute("DELETE FROM actions")
        waiting = asyncio.create_task(caller.track(event("loyalty.redeemed"), key="k"))
        blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        await eventually(lambda: database.fetchval(blocked), lambda count: count > 0)
    assert [(fault.type, fault.parameter) for fault in (await waiting).errors] == [("not_found", "action")]
    assert (await failure(read(actions, made.id))).reason is Reason.ACTION_UNKNOWN
    await create(actions, "loyalty.redeemed")
    assert (await caller.track(event("loyalty.redeemed"), key="k")).status == ACCEPTED


async def test_events_convert_once_their_action_does(actions: Stub, channel: aio.Channel, database: "Database") -> None:
    """Also those of before the change, and no longer once it is taken back."""
    made = await create(actions, "loyalty.redeemed")
    await Caller(channel).track(event("loyalty.redeemed"))
    conversions = "SELECT sum(conversions)::int FROM event_counts WHERE action = 'loyalty.redeemed'"
    for conversion in (False, True, False):
        await change(actions, made.id, "conversion", conversion=conversion)
        wanted = int(conversion)
        await eventually(lambda: database.fetchval(conversions), lambda count, wanted=wanted: count == wanted)  # type: ignore[misc]  # bound now


async def test_actions_are_listed_newest_first(actions: Stub) -> None:
    """In pages."""
    ids = [(await create(actions, f"loyalty.level_{number}")).id for number in range(3)]
    request = pb.ListActionsRequest(business_id="shop", limit=2)
    first = await actions.ListActions(request, timeout=SECONDS)
    assert ([one.id for one in first.actions], first.has_more) == ([ids[2], ids[1]], True)
    request = pb.ListActionsRequest(business_id="shop", limit=2, starting_after=ids[1])
    second = await actions.ListActions(request, timeout=SECONDS)
    assert ([one.id for one in second.actions], second.has_more) == ([ids[0]], False)
