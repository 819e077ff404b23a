"""ActionService: messages to custom actions, and back."""

from typing import TYPE_CHECKING, Any

from clicktrail.tracking.v1 import action_service_pb2 as pb
from clicktrail.tracking.v1 import action_service_pb2_grpc
from common.clock import now, to_timestamp
from common.ids import new_uuid7
from tracking_service.actions.custom_actions import CustomAction, CustomActions
from tracking_service.actions.store import PostgresActions
from tracking_service.messages import check_texts, page_from

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]


class ActionServicer(action_service_pb2_grpc.ActionServiceServicer):
    """Serves custom actions."""

    def __init__(self, actions: CustomActions, store: PostgresActions) -> None:
        self._actions = actions
        self._store = store

    async def CreateAction(self, request: pb.CreateActionRequest, _context: "Context") -> pb.CreateActionResponse:
        """Create an action."""
        check_texts(request, "action")
        created = await self._actions.create(request.business_id, _from_message(request.action))
        return pb.CreateActionResponse(action=_to_message(created))

    async def GetAction(self, request: pb.GetActionRequest, _context: "Context") -> pb.GetActionResponse:
        """Read an action."""
        check_texts(request)
        return pb.GetActionResponse(action=_to_message(await self._actions.action(request.business_id, request.id)))

    async def UpdateAction(self, request: pb.UpdateActionRequest, _context: "Context") -> pb.UpdateActionResponse:
        """Change an action."""
        check_texts(request, "action")
        fields = frozenset(request.update_mask.paths)
        wanted = _from_message(request.action)
        changed = await self._actions.change(request.business_id, request.id, wanted, fields)
        return pb.UpdateActionResponse(action=_to_message(changed))

    async def DeleteAction(self, request: pb.DeleteActionRequest, _context: "Context") -> pb.DeleteActionResponse:
        """Delete an action."""
        check_texts(request)
        await self._actions.delete(request.business_id, request.id)
        return pb.DeleteActionResponse()

    async def ListActions(self, request: pb.ListActionsRequest, _context: "Context") -> pb.ListActionsResponse:
        """List actions."""
        check_texts(request)
        actions, has_more = await self._store.page(request.business_id, page_from(request))
        return pb.ListActionsResponse(actions=[_to_message(action) for action in actions], has_more=has_more)


def _from_message(message: pb.Action) -> CustomAction:
    """Return the action that a message describes, with an id and time of its own."""
    created_at = now()
    return CustomAction(
        id=new_uuid7(created_at),
        name=message.name,
        title=message.title if message.HasField("title") else None,
        conversion=message.conversion,
        important=message.important,
        created_at=created_at,
    )


def _to_message(action: CustomAction) -> pb.Action:
    return pb.Action(
        id=str(action.id),
        name=action.name,
        title=action.title,
        conversion=action.conversion,
        important=action.important,
        created_at=to_timestamp(action.created_at),
    )
