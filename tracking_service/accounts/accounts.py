"""Businesses and their credentials: the use cases."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Protocol

from clicktrail.tracking.v1.account_service_pb2 import CreateTokenRequest
from common.clock import now
from common.errors import (
    ClicktrailError,
    Fault,
    FaultType,
    Kind,
    Reason,
    already_exists,
    field_fault,
    invalid,
    invalid_field,
    not_found,
)
from common.field_rules import rules
from common.ids import new_uuid7, uuid_of
from tracking_service.accounts.business import CHANGEABLE, Business, check, hash_of, is_token, new_token
from tracking_service.accounts.known_accounts import KnownAccounts
from tracking_service.accounts.store import PostgresAccounts, Token
from tracking_service.postgres.availability import CircuitBreaker
from tracking_service.postgres.pages import Page, cut

TOKEN_NAME_LENGTH = rules(CreateTokenRequest, "name").max_length
_LONGEST_CREDENTIAL = 200
# A slow store is not waited for: an event waits for that afterwards, 5 seconds in all.
CREDENTIAL_SECONDS = 1.0


class Holder(Protocol):
    """A business that has credentials. A Protocol, since there are two: the store's, and the last known."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages may use its public id."""

    @property
    def rate_factor(self) -> float:
        """How many times the usual rate limits it has."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Whose credential it is, and of which class."""

    business_id: str
    is_private: bool
    origins: tuple[str, ...]
    rate_factor: float


class Accounts:
    """Creates and changes businesses, gives out tokens, and judges credentials.

    While the store is away, credentials are judged by the last known accounts.
    """

    def __init__(self, store: PostgresAccounts, known: KnownAccounts, breaker: CircuitBreaker) -> None:
        self._store = store
        self._known = known
        self._breaker = breaker

    async def create_business(self, business: Business) -> Business:
        """Create a business. Raises `BUSINESS_TAKEN` where its id is another's."""
        check(business)
        if not await self._store.add_business(business):
            raise already_exists(Reason.BUSINESS_TAKEN, "Another business has this id.", "id")
        self._known.wake()
        return replace(business, has_identity_secret=bool(business.identity_secret))

    async def business(self, business_id: str) -> Business:
        """Return a business. Raises `BUSINESS_UNKNOWN`."""
        found = await self._store.business(business_id) if "\0" not in business_id else None
        if found is None:
            raise not_found(Reason.BUSINESS_UNKNOWN, "There is no such business.", "id")
        return found

    async def change_business(self, business: Business, fields: Collection[str]) -> Business:
        """Take over these fields and return the business as it is then. Raises `BUSINESS_UNKNOWN`."""
        if unknown := sorted(set(fields) - CHANGEABLE):
            faults = [field_fault(field, "cannot be changed.") for field in unknown]
            raise invalid(faults)
        check(business, fields)
        await self.business(business.id)
        changed = await self._store.change_business(business, fields)
        self._known.wake()
        return changed

    async def authenticate(self, credential: str) -> Principal:
        """Return whose credential it is: a token's or a public id's. Raises `CREDENTIAL_UNKNOWN`.

        While the store is away, one that is not among the last known raises `STORE_DOWN`.
        """
        found = None
        if 0 < len(credential) <= _LONGEST_CREDENTIAL and "\0" not in credential:
            found = await self._holder(credential)
        if found is None:
            unknown = Fault(FaultType.UNAUTHORIZED, None, "This credential is not known or was revoked.")
            raise ClicktrailError(Kind.UNAUTHENTICATED, Reason.CREDENTIAL_UNKNOWN, [unknown])
        return Principal(found.id, is_token(credential), found.origins, found.rate_factor)

    async def business_of(self, token: str) -> str:
        """Return the business of a private token. Raises as `authenticate` does."""
        return (await self.authenticate(token)).business_id

    async def create_token(self, business_id: str, name: str) -> tuple[Token, str]:
        """Create a token and return it with its secret, which cannot be read again. Raises `BUSINESS_UNKNOWN`."""
        if len(name) > TOKEN_NAME_LENGTH or "\0" in name:
            raise invalid_field("name", f"must be at most {TOKEN_NAME_LENGTH} characters.")
        await self.business(business_id)
        secret = new_token()
        created_at = now()
        token = Token(new_uuid7(created_at), name, created_at)
        await self._store.add_token(business_id, token, hash_of(secret))
        self._known.wake()
        return token, secret

    async def tokens(self, business_id: str, page: Page) -> tuple[list[Token], bool]:
        """Return a page of the tokens that are not revoked, newest first, and whether there are more."""
        cursor = None
        if page.cursor is not None:
            cursor = uuid_of(page.cursor)
            if cursor is None or not await self._store.has_token(business_id, cursor):
                parameter = "ending_before" if page.is_backwards else "starting_after"
                raise invalid_field(parameter, "names no token that there is.")
        return cut(await self._store.tokens(business_id, page, cursor), page)

    async def revoke_token(self, business_id: str, token_id: str) -> None:
        """Revoke a token for good, also one that was revoked before. Raises `TOKEN_UNKNOWN`."""
        key = uuid_of(token_id)
        if key is None or not await self._store.revoke_token(business_id, key, now()):
            raise not_found(Reason.TOKEN_UNKNOWN, "There is no such token.", "id")
        self._known.wake()

    async def _holder(self, credential: str) -> Holder | None:
        try:
            return await self._breaker.attempt(lambda: self._stored_holder(credential), CREDENTIAL_SECONDS)
        except ClicktrailError as error:
            if error.reason is not Reason.STORE_DOWN:
                raise
            if (known := await self._known_holder(credential)) is None:
                raise
            return known

    async def _stored_holder(self, credential: str) -> Holder | None:
        if is_token(credential):
            return await self._store.business_of_token(hash_of(credential))
        return await self._store.business(credential)

    async def _known_holder(self, credential: str) -> Holder | None:
        if is_token(credential):
            return await self._known.by_token(hash_of(credential))
        return (await self._known.by_id([credential])).get(credential)
