"""Issues anonymous sessions, and knows the fresh ones."""

from collections.abc import Sequence

from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.shortener.v1 import session_pb2
from clicktrail.shortener.v1.session_service_pb2 import GetFreshSessionsRequest
from clicktrail.tracking.v1 import relay_service_pb2
from common import clock
from common.errors import FaultType, invalid_field
from common.field_rules import rules
from common.ids import NONCE_BYTES, new_nonce, session_from_nonce
from shortener_service.errors import outbox_full
from shortener_service.redirects.store import ClickStore
from shortener_service.redis.keyspace import Shards

MOST_IDS = rules(GetFreshSessionsRequest, "ids").max_items


class Sessions:
    """Issues and reads sessions; each stays a `Session` message, which is also how it is kept, without its id."""

    def __init__(self, store: ClickStore, shards: Shards) -> None:
        self._store = store
        self._shards = shards

    async def issue(self, business_id: str, nonce: bytes, received_at: Timestamp | None) -> session_pb2.Session:
        """Return the session that a nonce stands for, once it can no longer be lost."""
        _check_business(business_id)
        if nonce and len(nonce) != NONCE_BYTES:
            raise invalid_field("nonce", f"takes {NONCE_BYTES} random bytes.")
        if received_at is not None and not clock.is_in_calendar(received_at):
            raise invalid_field("received_at", "must be of the years 1970 to 9998.")
        nonce = nonce or new_nonce()
        created_at = clock.to_timestamp(clock.now()) if received_at is None else received_at
        session = session_pb2.Session(business_id=business_id, created_at=created_at)
        kept = session.SerializeToString()
        session.id = session_from_nonce(nonce)
        delivery = relay_service_pb2.DeliverRequest(sessions=[session]).SerializeToString()
        if not await self._store.append(self._shards.of_nonce(nonce), {session.id: kept}, delivery, business_id):
            raise outbox_full()
        return session

    async def read(self, business_id: str, ids: Sequence[str]) -> list[session_pb2.Session]:
        """Return the fresh sessions among these that belong to the business."""
        _check_business(business_id)
        if not 1 <= len(ids) <= MOST_IDS:
            raise invalid_field("ids", f"takes 1 to {MOST_IDS:,}.")
        sessions = []
        for session_id, kept in (await self._store.get_sessions(ids)).items():
            session = session_pb2.Session.FromString(kept)
            if session.business_id == business_id:
                session.id = session_id
                sessions.append(session)
        return sessions


def _check_business(business_id: str) -> None:
    if not business_id:
        raise invalid_field("business_id", "is missing.", FaultType.PARAMETER_MISSING)
