"""Credentials: whose they are, asked once and remembered for a while."""

import re
from collections.abc import Mapping

from clicktrail.tracking.v1 import account_service_pb2 as account
from clicktrail.tracking.v1.event_pb2 import CREDENTIAL_PUBLIC
from common.credentials import CredentialCache
from gateway.account import Account
from gateway.http.errors import RefusedError, unauthorized
from gateway.http.exchange import Exchange
from gateway.rate_limits.budgets import BudgetKind
from gateway.rate_limits.limits import RateLimits
from gateway.rpc.clients import Services

REMEMBERED_LIMIT = 10_000

_CREDENTIAL = re.compile(r"[\x21-\x7e]{1,512}")


class Credentials:
    """Judges the credentials of requests to the API, and counts the requests.

    A kind names the budget that a request is taken from, of the business and the client's network; None: its handler
    takes it, which knows what comes in it. Beyond the budget the refusal has the status 429.
    """

    def __init__(self, services: Services, limits: RateLimits) -> None:
        methods = account.DESCRIPTOR.services_by_name["AccountService"].methods_by_name
        self._authenticate = services.method(methods["Authenticate"])
        self._cache = CredentialCache(self._ask, REMEMBERED_LIMIT)
        self._limits = limits

    async def private(self, exchange: Exchange, kind: BudgetKind | None = BudgetKind.REQUESTS) -> Account:
        """Return the account of a private token. Raises the refusal with 401."""
        found = await self._account(_bearer(exchange), exchange.network)
        if not found.is_private:
            raise unauthorized("This route needs a private token.")
        return self._counted(found, exchange, kind)

    async def any(self, exchange: Exchange, kind: BudgetKind | None = BudgetKind.REQUESTS) -> Account:
        """Return the account of a public id or a private token, for a page's origin that the business allows.

        A request that can carry no headers, such as a beacon, may name the public id in its query.
        """
        beacon = dict(exchange.query()).get("business") if "authorization" not in exchange.headers else None
        found = await self._account(beacon or _bearer(exchange), exchange.network)
        if beacon and found.is_private:
            raise unauthorized("A private token may not stand in a query.")
        if not found.is_private and not _is_allowed(exchange.headers.get("origin"), found.origins):
            raise unauthorized("This origin is not one of the business's.")
        return self._counted(found, exchange, kind)

    def remembered(self, headers: Mapping[str, str], *, needs_private: bool) -> Account | None:
        """Return the account that headers opened a moment ago; None where it must be asked, or is to be refused."""
        scheme, _, credential = headers.get("authorization", "").partition(" ")
        found = self._cache.remembered(credential) if scheme == "Bearer" else None
        if found is None or found.is_private:
            return found
        return None if needs_private or not _is_allowed(headers.get("origin"), found.origins) else found

    def _counted(self, account: Account, exchange: Exchange, kind: BudgetKind | None) -> Account:
        exchange.holder = account.business_id
        if kind is not None:
            self._limits.take(kind, account, exchange.network)
        return account

    async def _account(self, credential: str, network: str) -> Account:
        # Who guesses is not to have each guess looked up; what was right before is no guess.
        if not self._cache.has_opened(credential):
            self._limits.check_stranger(BudgetKind.WRONG_CREDENTIALS, network)
        found = await self._cache.of(credential) if _CREDENTIAL.fullmatch(credential) else None
        if found is None:
            self._limits.take_as_stranger(BudgetKind.WRONG_CREDENTIALS, network)
            raise _unknown()
        return found

    async def _ask(self, credential: str) -> Account:
        response: account.AuthenticateResponse = await self._authenticate(
            account.AuthenticateRequest(credential=credential), is_repeatable=True
        )
        origins = frozenset(_normal(origin) for origin in response.origins)
        is_private = response.credential != CREDENTIAL_PUBLIC
        return Account(response.business_id, is_private, origins, response.rate_factor or 1.0, credential)


def _bearer(exchange: Exchange) -> str:
    scheme, _, credential = exchange.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise unauthorized("A credential is required: Authorization: Bearer …")
    return credential.strip()


def _unknown() -> RefusedError:
    return unauthorized("The credential is unknown or revoked.")


def _is_allowed(origin: str | None, origins: frozenset[str]) -> bool:
    return origin is None or not origins or _normal(origin) in origins


def _normal(origin: str) -> str:
    return origin.strip().rstrip("/").lower()
