"""Whose private tokens are, and which businesses there are, as tracking knows it."""

from grpc import StatusCode, aio

from clicktrail.tracking.v1 import account_service_pb2 as pb
from clicktrail.tracking.v1 import account_service_pb2_grpc
from common.errors import Reason, unavailable
from common.rpc.errors import from_rpc_error

# A caller waits for the answer, and for its link behind that.
ASK_SECONDS = 2.0


class BusinessAccounts:
    """Asks tracking which businesses there are."""

    def __init__(self, channel: aio.Channel) -> None:
        self._stub = account_service_pb2_grpc.AccountServiceStub(channel)

    async def has(self, business_id: str) -> bool:
        """Tell whether there is a business. Raises UNAVAILABLE where it cannot be told now."""
        request = pb.GetBusinessRequest(id=business_id)
        try:
            await self._stub.GetBusiness(request, timeout=ASK_SECONDS, wait_for_ready=True)
        except aio.AioRpcError as error:
            if error.code() is StatusCode.NOT_FOUND:
                return False
            told = from_rpc_error(error)
            raise told or unavailable(Reason.UPSTREAM_DOWN, "Tracking does not tell of businesses now.") from error
        return True


class TokenOwners:
    """Asks tracking, which has the accounts."""

    def __init__(self, channel: aio.Channel) -> None:
        self._stub = account_service_pb2_grpc.AccountServiceStub(channel)

    async def business_of(self, token: str) -> str:
        """Return the business of a token. Raises UNAUTHENTICATED, and UNAVAILABLE where it cannot be told now."""
        request = pb.AuthenticateRequest(credential=token)
        try:
            answer = await self._stub.Authenticate(request, timeout=ASK_SECONDS, wait_for_ready=True)
        except aio.AioRpcError as error:
            told = from_rpc_error(error)
            raise told or unavailable(Reason.UPSTREAM_DOWN, "Tracking does not tell of tokens now.") from error
        return answer.business_id
