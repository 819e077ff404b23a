"""Decides who may call what: by the role of a service key, or by a business's private token.

The table stands in the protos (`clicktrail/common/v1/access.proto`), as an option of each RPC.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from google.protobuf import descriptor_pool
from google.protobuf.message import Message

from clicktrail.common.v1 import access_pb2
from clicktrail.common.v1.access_pb2 import ROLE_OPERATOR
from common.credentials import TOKEN_PREFIX, CredentialCache
from common.errors import Reason, forbidden, unauthenticated
from common.rpc.keys import NAMES, AcceptedKeys

AUTHORIZATION = "authorization"
SCHEME = "Bearer "
TOKENS_LIMIT = 10_000

BusinessOf = Callable[[str], Awaitable[str]]
"""Returns the business of a private token. Raises UNAUTHENTICATED for one that is not known, and what keeps it from
being told now."""


class Rule(NamedTuple):
    """Who may call an RPC."""

    roles: frozenset[int]
    business_field: tuple[str, ...]
    """The way to the business in a request, which its token opens; empty where no token does."""


class Admission(NamedTuple):
    """A call that may be made, as far as its metadata tells."""

    is_known: bool = True
    """Whether a credential says who calls; else it is taken although none does, for now."""
    token: str | None = None
    """The private token that the call is to be held to."""


KNOWN = Admission()
UNKNOWN = Admission(is_known=False)


class AccessControl:
    """Judges calls. `business_of` is asked for tokens; without it they tell nothing."""

    def __init__(
        self, keys: AcceptedKeys | None = None, business_of: BusinessOf | None = None, *, is_required: bool = False
    ) -> None:
        self._keys = keys
        self._tokens = None if business_of is None else CredentialCache(business_of, TOKENS_LIMIT)
        self._is_required = is_required

    def admit(self, method: str, metadata: Iterable[tuple[str, Any]]) -> Admission:
        """Judge a call before it is read. Raises UNAUTHENTICATED or FORBIDDEN."""
        credential = _credential_in(metadata)
        rule = rule_of(method)
        if self._tokens is not None and credential.startswith(TOKEN_PREFIX):
            return _admission_of_token(credential, rule)
        role = self._keys.role_of(credential) if self._keys and credential else None
        if role is None:
            return self._admission_of_nobody(credential)
        if role not in rule.roles:
            raise forbidden(Reason.CALLER_NOT_ALLOWED, f"The key of the role {NAMES[role]} does not open this call.")
        return KNOWN

    async def business_of(self, token: str) -> str:
        """Return the business of a token. Raises UNAUTHENTICATED, and what keeps it from being told now."""
        found = await self._tokens.of(token) if self._tokens is not None else None
        if found is None:
            raise unauthenticated(Reason.CREDENTIAL_UNKNOWN, "This private token is not known or was revoked.")
        return found

    def _admission_of_nobody(self, credential: str) -> Admission:
        if not self._is_required:
            return UNKNOWN
        said = "This service key is not known." if credential else "This call needs a service key or a private token."
        raise unauthenticated(Reason.CALLER_UNKNOWN, said)


def hold(request: Message, method: str, business_id: str) -> None:
    """Raise FORBIDDEN where a request names another business than this one, or none where it must."""
    if not _businesses_in(request, rule_of(method).business_field) <= {business_id}:
        raise forbidden(Reason.BUSINESS_NOT_ALLOWED, "A private token opens its own business alone.")


@cache
def rule_of(method: str) -> Rule:
    """Return the rule of an RPC by its path, `/package.Service/Name`; operators alone where the protos say nothing."""
    try:
        descriptor = descriptor_pool.Default().FindMethodByName(method.strip("/").replace("/", "."))
    except KeyError:
        return Rule(frozenset({ROLE_OPERATOR}), ())
    access: access_pb2.Access = descriptor.GetOptions().Extensions[access_pb2.access]
    field = tuple(access.business_field.split(".")) if access.business_field else ()
    return Rule(frozenset({ROLE_OPERATOR, *access.roles}), field)


def authorization(credential: str) -> tuple[str, str]:
    """Return the metadata that carries a credential."""
    return AUTHORIZATION, SCHEME + credential


def _admission_of_token(token: str, rule: Rule) -> Admission:
    if not rule.business_field:
        raise forbidden(Reason.CALLER_NOT_ALLOWED, "A private token does not open this call.")
    return Admission(token=token)


def _credential_in(metadata: Iterable[tuple[str, Any]]) -> str:
    for key, value in metadata:
        if key == AUTHORIZATION:
            return str(value).removeprefix(SCHEME)
    return ""


def _businesses_in(value: Any, path: Sequence[str]) -> set[str]:
    """Return the businesses that a message names at the end of a path; what is repeated on it is looked at whole."""
    if not path:
        return {value}
    inner = getattr(value, path[0])
    if value.DESCRIPTOR.fields_by_name[path[0]].is_repeated:
        return {name for item in inner for name in _businesses_in(item, path[1:])}
    return _businesses_in(inner, path[1:])
