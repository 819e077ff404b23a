"""AccountService: messages to businesses and tokens, and back."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from clicktrail.tracking.v1 import account_service_pb2 as pb
from clicktrail.tracking.v1 import account_service_pb2_grpc, event_pb2
from common.clock import now, to_timestamp
from common.ids import new_uuid7
from tracking_service.accounts.accounts import Accounts
from tracking_service.accounts.business import USUAL_CEILING, Business
from tracking_service.accounts.store import Token
from tracking_service.messages import check_texts, page_from, time_from

if TYPE_CHECKING:
    from grpc import aio

    Context = aio.ServicerContext[Any, Any]

DEFAULT_LOCALE = "en"
DEFAULT_COUNTRY = "US"
DEFAULT_CURRENCY = "USD"
DEFAULT_WINDOW_DAYS = 7
DEFAULT_RATE_FACTOR = 1.0


class AccountServicer(account_service_pb2_grpc.AccountServiceServicer):
    """Serves businesses and their credentials."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def CreateBusiness(self, request: pb.CreateBusinessRequest, _context: "Context") -> pb.CreateBusinessResponse:
        """Create a business."""
        check_texts(request, "business")
        created = await self._accounts.create_business(_from_message(request.business))
        return pb.CreateBusinessResponse(business=_to_message(created))

    async def GetBusiness(self, request: pb.GetBusinessRequest, _context: "Context") -> pb.GetBusinessResponse:
        """Read a business."""
        return pb.GetBusinessResponse(business=_to_message(await self._accounts.business(request.id)))

    async def UpdateBusiness(self, request: pb.UpdateBusinessRequest, _context: "Context") -> pb.UpdateBusinessResponse:
        """Change a business."""
        check_texts(request, "business")
        fields = frozenset(request.update_mask.paths)
        changed = await self._accounts.change_business(_from_message(_only(request.business, fields)), fields)
        return pb.UpdateBusinessResponse(business=_to_message(changed))

    async def Authenticate(self, request: pb.AuthenticateRequest, _context: "Context") -> pb.AuthenticateResponse:
        """Judge a credential."""
        principal = await self._accounts.authenticate(request.credential)
        class_ = event_pb2.CREDENTIAL_PRIVATE if principal.is_private else event_pb2.CREDENTIAL_PUBLIC
        return pb.AuthenticateResponse(
            business_id=principal.business_id,
            credential=class_,
            origins=principal.origins,
            rate_factor=principal.rate_factor,
        )

    async def CreateToken(self, request: pb.CreateTokenRequest, _context: "Context") -> pb.CreateTokenResponse:
        """Create a token."""
        check_texts(request)
        token, secret = await self._accounts.create_token(request.business_id, request.name)
        return pb.CreateTokenResponse(token=_to_token(token, secret))

    async def ListTokens(self, request: pb.ListTokensRequest, _context: "Context") -> pb.ListTokensResponse:
        """List tokens."""
        check_texts(request)
        tokens, has_more = await self._accounts.tokens(request.business_id, page_from(request))
        return pb.ListTokensResponse(tokens=[_to_token(token) for token in tokens], has_more=has_more)

    async def RevokeToken(self, request: pb.RevokeTokenRequest, _context: "Context") -> pb.RevokeTokenResponse:
        """Revoke a token."""
        check_texts(request)
        await self._accounts.revoke_token(request.business_id, request.id)
        return pb.RevokeTokenResponse()


def _only(message: pb.Business, fields: Collection[str]) -> pb.Business:
    """Return a business with what is to be changed alone: nothing else in it is looked at."""
    told = {field.name: value for field, value in message.ListFields() if field.name in fields}
    return pb.Business(**told | {"id": message.id})


def _from_message(message: pb.Business) -> Business:
    created_at = now()
    has_window = message.HasField("attribution_window_days")
    return Business(
        id=message.id or new_uuid7(created_at).hex,
        name=message.name,
        locale=message.locale or DEFAULT_LOCALE,
        country=message.country or DEFAULT_COUNTRY,
        currency=message.currency or DEFAULT_CURRENCY,
        attribution_window_days=message.attribution_window_days if has_window else DEFAULT_WINDOW_DAYS,
        origins=tuple(message.origins),
        rate_factor=message.rate_factor if message.HasField("rate_factor") else DEFAULT_RATE_FACTOR,
        created_at=created_at,
        confirmed_from=time_from(message.confirmed_from, "confirmed_from")
        if message.HasField("confirmed_from")
        else None,
        page_amount_ceiling=message.page_amount_ceiling if message.HasField("page_amount_ceiling") else USUAL_CEILING,
        identity_secret=message.identity_secret or None,
    )


def _to_message(business: Business) -> pb.Business:
    return pb.Business(
        id=business.id,
        name=business.name,
        locale=business.locale,
        country=business.country,
        currency=business.currency,
        attribution_window_days=business.attribution_window_days,
        origins=business.origins,
        rate_factor=business.rate_factor,
        created_at=to_timestamp(business.created_at),
        confirmed_from=None if business.confirmed_from is None else to_timestamp(business.confirmed_from),
        page_amount_ceiling=business.page_amount_ceiling,
        has_identity_secret=business.has_identity_secret,
    )


def _to_token(token: Token, secret: str | None = None) -> pb.Token:
    return pb.Token(id=str(token.id), name=token.name, token=secret, created_at=to_timestamp(token.created_at))
