"""What a platform is to us: how its deliveries are proved and read, and what they can tell."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

from tracking_service.platforms.generic_mapping import GenericMapping


class UnreadableDelivery(ValueError):  # noqa: N818  (named for the situation)
    """A delivery that cannot be read; its text names the field, for the merchant."""


class HookRequest(NamedTuple):
    """What a platform sent, as it came.

    Names of headers are in lower case; of a header or parameter that is repeated the first counts.
    """

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    received_at: datetime


class Shop(NamedTuple):
    """What of a connection a mapping needs.

    session_parameters are the names under which our links put the session into addresses, the likeliest first; mapping
    is what describes a generic connection, None of all others.
    """

    source: str
    session_parameters: tuple[str, ...]
    mapping: GenericMapping | None = None


class Customer(NamedTuple):
    """Who ordered; an empty text is not told, and a guest has no id."""

    id: str = ""
    email: str = ""
    phone: str = ""
    name: str = ""


class Fact(NamedTuple):
    """An event of an order that a delivery tells.

    action is one of ours. reference is the order's immutable id in its platform, aliases are other references of the
    same order, such as the number that its customer sees. amount is a decimal in major units, such as "2770.00", with a
    currency of ISO 4217; both are None where there is no amount, and currency alone where the business's own counts.
    sessions are candidates, explicit ones before those of landing addresses; tokens are those of checkout and cart.
    refund is the id of a refund, of `refund.received` alone. details are small JSON values that are shown with the
    order.
    """

    action: str
    reference: str
    aliases: tuple[str, ...] = ()
    amount: str | None = None
    currency: str | None = None
    occurred_at: datetime | None = None
    customer: Customer = Customer()
    sessions: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    refund: str | None = None
    is_test: bool = False
    details: Mapping[str, object] = {}


class ErasureRequest(NamedTuple):
    """A platform's word that a person is to be forgotten; orders are references of the person's orders."""

    customer: Customer
    orders: tuple[str, ...] = ()


class Ending(NamedTuple):
    """The platform ended the connection, for a reason in words for the merchant."""

    reason: str


class Ignored(NamedTuple):
    """There is nothing to record, for a reason in words for the merchant."""

    reason: str


class ToFetch(NamedTuple):
    """A delivery that only names what changed: it is to be fetched by its id, then read by `Platform.read_fetched`.

    The id holds nothing but `[A-Za-z0-9._-]`, so that it can stand in an address.
    """

    kind: str
    id: str


Told: TypeAlias = Fact | ErasureRequest | Ending | Ignored | ToFetch


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that shops can be connected to. All of its functions are pure."""

    name: str
    is_thin: bool
    """Whether its deliveries name orders without telling them."""
    makes_secret: bool
    """Whether we make the secret, which the merchant gives to the platform, or the platform shows its own."""
    is_signed: Callable[[HookRequest, str, Shop], bool]
    """Tells whether the raw delivery was signed with a secret: in constant time, without an error whatever comes."""
    is_ping: Callable[[HookRequest], bool]
    """Tells a trial of the address, which is answered 200 and stores nothing; asked before the signature."""
    topic: Callable[[HookRequest], str]
    """Returns what the platform calls the delivery, "" where it does not say; never raises."""
    read: Callable[[HookRequest, Shop], Sequence[Told]]
    """Returns what a delivery tells. Raises `UnreadableDelivery`."""
    read_fetched: Callable[[str, bytes, Shop], Sequence[Told]] | None = None
    """Returns what a thing tells that was fetched, by its kind and the answer's body. Raises `UnreadableDelivery`."""


def hook_request(
    headers: Iterable[tuple[str, str]], query: Iterable[tuple[str, str]], body: bytes, received_at: datetime
) -> HookRequest:
    """Return a delivery of pairs as they came."""
    return HookRequest(_first((name.lower(), value) for name, value in headers), _first(query), body, received_at)


def never_ping(_: HookRequest) -> bool:
    """Tell of a platform that does not try addresses that this is no trial."""
    return False


def _first(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found
