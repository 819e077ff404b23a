"""The routes that tracking libraries on pages call, beside those for events."""

from collections.abc import Iterable, Mapping

from clicktrail.shortener.v1 import session_service_pb2 as shortener_sessions
from clicktrail.tracking.v1 import account_service_pb2 as accounts
from clicktrail.tracking.v1 import session_service_pb2 as sessions
from clicktrail.tracking.v1.event_pb2 import CREDENTIAL_PRIVATE, CREDENTIAL_PUBLIC
from common.clock import now, to_timestamp
from common.errors import Fault, FaultType, Reason, field_fault, invalid, not_found
from common.ids import new_nonce
from gateway.account import Account
from gateway.auth import Credentials
from gateway.http import bodies
from gateway.http.exchange import Answer, Exchange, answer
from gateway.http.routes import Route, Routes
from gateway.json.reader import fill
from gateway.json.text import Num, Value
from gateway.rate_limits.budgets import BudgetKind
from gateway.rpc.clients import Services
from gateway.rpc.fresh_sessions import FreshSessions
from gateway.tracker import operations
from gateway.tracker.calling_codes import CALLING_CODES
from gateway.tracker.operations import ACK_FIELDS, BINDING_FIELDS, IDENTITY_FIELDS, IDENTITY_REQUIRED

# What a page says of its visitor.
_SAID = ("user_id", "source", "email", "phone", "name")


class TrackerRoutes:
    """Sessions, signs of life, identifications, bindings of checkouts, and a business's public settings."""

    def __init__(self, services: Services, credentials: Credentials, fresh_sessions: FreshSessions) -> None:
        issuing = shortener_sessions.DESCRIPTOR.services_by_name["SessionService"].methods_by_name
        keeping = sessions.DESCRIPTOR.services_by_name["SessionService"].methods_by_name
        account = accounts.DESCRIPTOR.services_by_name["AccountService"].methods_by_name
        self._issue = services.method(issuing["IssueSession"])
        self._acknowledge = services.method(keeping["Acknowledge"])
        self._identify = services.method(keeping["Identify"])
        self._bind_token = services.method(keeping["BindToken"])
        self._get_business = services.method(account["GetBusiness"])
        self._credentials = credentials
        self._fresh_sessions = fresh_sessions

    def routes(self) -> Routes:
        """Return the routes."""
        return [
            Route(operations.CREATE_SESSION, self.create_session),
            Route(operations.ACKNOWLEDGE, self.acknowledge),
            Route(operations.IDENTIFY, self.identify),
            Route(operations.BIND, self.bind),
            Route(operations.SHOW_BUSINESS, self.show_business),
        ]

    async def create_session(self, exchange: Exchange) -> Answer:
        """Issue an anonymous session. Whatever the body is, it says nothing."""
        account = await self._credentials.any(exchange, BudgetKind.SESSIONS)
        await exchange.body.read(bodies.EVENT)
        request = shortener_sessions.IssueSessionRequest(
            business_id=account.business_id, nonce=new_nonce(), received_at=to_timestamp(now())
        )
        response = await self._issue(request, request_id=exchange.request_id, is_repeatable=True)
        return answer(201, {"id": response.session.id})

    async def acknowledge(self, exchange: Exchange) -> Answer:
        """Note that a page is open. A library's very first sign of life has no session yet: nothing is noted."""
        account, members = await self._read(exchange)
        request = sessions.AcknowledgeRequest(business_id=account.business_id, received_at=to_timestamp(now()))
        _fill_from(request, members, ACK_FIELDS, required=())
        if request.session:
            await self._acknowledge(request, request_id=exchange.request_id, is_repeatable=True)
        return answer(200, {"status": "received"})

    async def identify(self, exchange: Exchange) -> Answer:
        """Say who a session's visitor is."""
        account, members = await self._read(exchange)
        request = sessions.IdentifyRequest(
            business_id=account.business_id,
            received_at=to_timestamp(now()),
            credential=CREDENTIAL_PRIVATE if account.is_private else CREDENTIAL_PUBLIC,
        )
        # Shops number their customers, and scripts make numbers of telephones.
        members |= _numbers_as_text(members, _SAID)
        _fill_from(request, members, IDENTITY_FIELDS, required=IDENTITY_REQUIRED)
        await self._add_fresh_session(request)
        await self._identify(request, request_id=exchange.request_id, is_repeatable=True)
        # The same for all: whether somebody is known, a page is not told.
        return answer(200, {"status": "received"})

    async def bind(self, exchange: Exchange) -> Answer:
        """Say that a checkout or a cart belongs to a session."""
        account, members = await self._read(exchange)
        request = sessions.BindTokenRequest(business_id=account.business_id, received_at=to_timestamp(now()))
        members |= _numbers_as_text(members, ("source", "token"))
        _fill_from(request, members, BINDING_FIELDS, required=BINDING_FIELDS)
        await self._add_fresh_session(request)
        await self._bind_token(request, request_id=exchange.request_id, is_repeatable=True)
        return answer(200, {"status": "received"})

    async def show_business(self, exchange: Exchange) -> Answer:
        """Show the public settings of the business that asks."""
        account = await self._credentials.any(exchange)
        if account.business_id != exchange.parameters["id"]:
            raise not_found(Reason.BUSINESS_UNKNOWN, "There is no such business.")
        business = await self._business(account.business_id, exchange.request_id)
        prefix = CALLING_CODES.get(business.country)
        country: Value = {"code": business.country or None, "prefix": prefix}
        shown: dict[str, Value] = {"id": business.id, "locale": business.locale or "en", "country": country}
        return answer(200, shown | _FIXED_SETTINGS)

    async def _add_fresh_session(self, request: sessions.IdentifyRequest | sessions.BindTokenRequest) -> None:
        """Add the session as the shortener knows it, where it does: its click may not have been delivered yet."""
        found = await self._fresh_sessions.among(request.business_id, [request.session])
        if session := found.get(request.session):
            request.fresh_session.CopyFrom(session)

    async def _business(self, business_id: str, request_id: str) -> accounts.Business:
        request = accounts.GetBusinessRequest(id=business_id)
        response = await self._get_business(request, request_id=request_id, is_repeatable=True)
        business: accounts.Business = response.business
        return business

    async def _read(self, exchange: Exchange) -> tuple[Account, dict[str, Value]]:
        account = await self._credentials.any(exchange, BudgetKind.IDENTIFICATIONS)
        body = await exchange.body.read(bodies.EVENT)
        bodies.check_type(exchange.headers, bodies.EVENT_TYPES)
        return account, bodies.members_of(bodies.plain(body, exchange.headers, bodies.EVENT), bodies.EVENT)


# What the library asks about and this system does not have.
_FIXED_SETTINGS: dict[str, Value] = {
    "features": {},
    "whitelist": "disabled",
    "subscription": "active",
    "webchat": None,
    "whatsapp": None,
}


def _numbers_as_text(members: Mapping[str, Value], names: Iterable[str]) -> dict[str, Value]:
    """Return those of these members that are numbers, as texts."""
    return {name: str(value) for name in names if isinstance(value := members.get(name), Num)}


def _fill_from(
    request: sessions.AcknowledgeRequest | sessions.IdentifyRequest | sessions.BindTokenRequest,
    members: dict[str, Value],
    names: tuple[str, ...],
    required: tuple[str, ...],
) -> None:
    """Set the fields of these names; the others are not the sender's to set."""
    faults: list[Fault] = []
    fill(request, {name: members.get(name) for name in names}, faults)
    for name in required:
        value = members.get(name)
        if value is None:
            faults.append(field_fault(name, "is required.", FaultType.PARAMETER_MISSING))
        elif not value:
            faults.append(field_fault(name, "must not be empty.", FaultType.PARAMETER_INVALID_EMPTY))
    if faults:
        raise invalid(faults)
