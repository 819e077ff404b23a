"""Asks the shortener for sessions that are fresh from a click, whose click may not have reached tracking yet."""

from collections.abc import Sequence

from clicktrail.shortener.v1 import session_service_pb2
from clicktrail.shortener.v1.session_pb2 import Session
from common.logging import get_logger
from gateway.rpc.clients import Services

log = get_logger(__name__)

# A claim goes on without the answer, so it does not wait long for it.
ASK_SECONDS = 1.0


class FreshSessions:
    """The shortener's sessions of the last day."""

    def __init__(self, services: Services) -> None:
        methods = session_service_pb2.DESCRIPTOR.services_by_name["SessionService"].methods_by_name
        self._get = services.method(methods["GetFreshSessions"])

    async def among(self, business_id: str, ids: Sequence[str]) -> dict[str, Session]:
        """Return those of these sessions that the shortener knows, by id; none of them while it is away."""
        request = session_service_pb2.GetFreshSessionsRequest(business_id=business_id, ids=ids)
        try:
            response: session_service_pb2.GetFreshSessionsResponse = await self._get(request, ASK_SECONDS)
        except Exception as error:  # noqa: BLE001  (whatever it is, the claim goes on without)
            log.warning("fresh sessions are not known", error=repr(error))
            return {}
        return {session.id: session for session in response.sessions}
