"""SessionService: messages to sessions, and back."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from clicktrail.shortener.v1 import session_pb2
from clicktrail.tracking.v1 import event_pb2, session_service_pb2_grpc
from clicktrail.tracking.v1 import session_service_pb2 as pb
from common.clock import to_timestamp
from tracking_service.identity.evidence import Identity
from tracking_service.messages import check_texts, received_at, time_from
from tracking_service.sessions.bindings import Binding, Bindings
from tracking_service.sessions.sessions import Identification, Session, Sessions, SessionSighting

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]


class SessionServicer(session_service_pb2_grpc.SessionServiceServicer):
    """Serves sessions and whose they are."""

    def __init__(self, sessions: Sessions, bindings: Bindings) -> None:
        self._sessions = sessions
        self._bindings = bindings

    async def GetSession(self, request: pb.GetSessionRequest, _context: "Context") -> pb.GetSessionResponse:
        """Read a session."""
        check_texts(request)
        fresh = _fresh(request.fresh_session, request.business_id, request.id)
        found = await self._sessions.session(request.business_id, request.id, fresh)
        return pb.GetSessionResponse(session=_to_message(found))

    async def AttachSession(self, request: pb.AttachSessionRequest, _context: "Context") -> pb.AttachSessionResponse:
        """Attach a session to a profile."""
        check_texts(request)
        sighting = _sighting(request.business_id, request.id, received_at(request), request.fresh_session)
        attached = await self._sessions.attach(sighting, request.profile)
        return pb.AttachSessionResponse(session=_to_message(attached))

    async def Identify(self, request: pb.IdentifyRequest, _context: "Context") -> pb.IdentifyResponse:
        """Say who a visitor is."""
        check_texts(request)
        sighting = _sighting(request.business_id, request.session, received_at(request), request.fresh_session)
        said = Identification(
            Identity(request.source, request.user_id),
            name=request.name or None,
            email=request.email or None,
            phone=request.phone or None,
            user_hash=request.user_hash or None,
            earlier_session=request.earlier_session or None,
            is_private=request.credential == event_pb2.CREDENTIAL_PRIVATE,
        )
        await self._sessions.identify(sighting, said)
        return pb.IdentifyResponse()

    async def BindToken(self, request: pb.BindTokenRequest, _context: "Context") -> pb.BindTokenResponse:
        """Say that a checkout or cart belongs to a session."""
        check_texts(request)
        sighting = _sighting(request.business_id, request.session, received_at(request), request.fresh_session)
        await self._bindings.bind(sighting, Binding(request.source, request.token))
        return pb.BindTokenResponse()

    async def Acknowledge(self, request: pb.AcknowledgeRequest, _context: "Context") -> pb.AcknowledgeResponse:
        """Note that a page is open."""
        check_texts(request)
        sighting = _sighting(request.business_id, request.session, received_at(request), request.fresh_session)
        await self._sessions.acknowledge(sighting)
        return pb.AcknowledgeResponse()


def _sighting(business_id: str, session: str, at: datetime, fresh: session_pb2.Session) -> SessionSighting:
    return SessionSighting(business_id, session, at, _fresh(fresh, business_id, session))


def _fresh(message: session_pb2.Session, business_id: str, session: str) -> Session | None:
    """Return the session as the shortener knows it; None where it says nothing of this one."""
    if (message.business_id, message.id) != (business_id, session):
        return None
    return Session(
        id=session,
        profile=message.profile or None,
        link=message.link or None,
        campaign=message.campaign or None,
        journey=message.journey or None,
        message=message.message or None,
        created_at=time_from(message.created_at, "fresh_session.created_at"),
    )


def _to_message(session: Session) -> pb.Session:
    return pb.Session(
        id=session.id,
        profile=session.profile,
        link=session.link,
        campaign=session.campaign,
        journey=session.journey,
        created_at=to_timestamp(session.created_at),
    )
