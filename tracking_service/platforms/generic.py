"""Platforms that have no module: read as their connection's mapping describes them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from tracking_service.money import EXPONENTS
from tracking_service.platforms import amounts
from tracking_service.platforms.fields import (
    LONGEST_ID,
    LONGEST_TEXT,
    customer_id,
    first,
    numbers_shown,
    peek,
    read_value,
    text_of,
    tokens,
    word,
)
from tracking_service.platforms.generic_mapping import FieldPlace, GenericMapping, SignatureRule, StampPlace, Step
from tracking_service.platforms.platform import (
    Customer,
    Fact,
    HookRequest,
    Ignored,
    Platform,
    Shop,
    Told,
    UnreadableDelivery,
    never_ping,
)
from tracking_service.platforms.sessions import candidates
from tracking_service.platforms.signatures import bytes_of, decoded, is_fresh, is_hmac, is_secret, part_of, parts_of
from tracking_service.platforms.times import any_time

_LONGEST_ADDRESS = 8192
_SECRET_PREFIX = "whsec_"  # noqa: S105  (stands before secrets of Standard Webhooks)
_TOPIC_HEADERS = ("-topic", "-event", "-event-type")
_REFUND = "refund.received"
_TRUE = frozenset({"true", "1", "yes"})


def is_signed(request: HookRequest, secret: str, shop: Shop) -> bool:
    """Tell whether the delivery is signed as the mapping says."""
    if shop.mapping is None:
        return False
    rule = shop.mapping.signature
    given = _given(rule, request.headers.get(rule.header, ""))
    if rule.algorithm == "token":
        return sum(is_secret(each, secret) for each in given) > 0
    stamps = {"{t}": _stamp(rule.time, rule, request), "{id}": _stamp(rule.id, rule, request)}
    if rule.time and not is_fresh(stamps["{t}"], request.received_at, timedelta(seconds=rule.tolerance_seconds)):
        return False
    pieces = (request.body if piece == "{body}" else bytes_of(stamps.get(piece, piece)) for piece in rule.signed)
    return is_hmac(given, _key(rule, secret), b"".join(pieces), algorithm=rule.algorithm, encoding=rule.encoding)


def topic(request: HookRequest) -> str:
    """Return the platform's word for what happened, where it is in a usual place: only to be shown."""
    named = next((value for name, value in request.headers.items() if name.endswith(_TOPIC_HEADERS)), "")
    body = peek(request.body)
    return first(word(named), *(body.prose(name) for name in ("type", "event", "topic", "scope", "action")))


def read(request: HookRequest, shop: Shop) -> Sequence[Told]:
    """Return what a delivery tells by the mapping."""
    if shop.mapping is None:
        raise UnreadableDelivery("The connection has no mapping.")
    return [_GenericDelivery(request, read_value(request.body), shop, shop.mapping).told()]


class _GenericDelivery:
    """A delivery, read by the places that a mapping gives."""

    def __init__(self, request: HookRequest, body: Any, shop: Shop, mapping: GenericMapping) -> None:
        self._headers = request.headers
        self._body = body
        self._shop = shop
        self._mapping = mapping

    def told(self) -> Told:
        said = first(*self._all(self._mapping.action))
        action = self._mapping.actions.get(said, "")
        if not action:
            return Ignored(f"The connection's mapping makes nothing of “{word(said)}”.")
        return self._fact(action)

    def _fact(self, action: str) -> Fact:
        is_refund = action == _REFUND
        reference, number = self._needed("reference"), self._text("number")
        amount, currency = self._money(is_refund=is_refund)
        return Fact(
            action=action,
            reference=reference,
            aliases=numbers_shown(reference, number),
            amount=amount,
            currency=currency,
            occurred_at=any_time(self._text("time")),
            customer=Customer(
                customer_id(self._text("customer.id")),
                self._text("customer.email"),
                self._text("customer.phone"),
                self._text("customer.name"),
            ),
            sessions=candidates(self._shop, explicit=self._texts("session"), addresses=self._texts("landing")),
            tokens=tokens(*self._texts("tokens")),
            refund=self._needed("refund.id") if is_refund else None,
            is_test=self._text("test").lower() in _TRUE,
            details={"number": number} if number else {},
        )

    def _money(self, *, is_refund: bool) -> tuple[str | None, str | None]:
        """Return the amount and its currency, which is the business's own where the mapping has none."""
        name = "refund.amount" if is_refund and "refund.amount" in self._mapping.fields else "amount"
        text = self._text(name)
        if not text:
            self._refuse_other_kind(name)
            return None, None
        currency = self._currency()
        amount = self._in_major(text.removeprefix("-") if is_refund else text, currency)
        if amount is None:
            raise UnreadableDelivery(f"{self._described(name)} is no amount.")
        return amount, currency

    def _in_major(self, text: str, currency: str | None) -> str | None:
        unit = self._mapping.amount_unit
        if unit == "major":
            return amounts.major(text)
        return amounts.from_minor(text, EXPONENTS[currency] if unit == "minor" and currency else 2)

    def _currency(self) -> str | None:
        if "currency" not in self._mapping.fields:
            return None
        code = amounts.currency(self._text("currency"))
        if code is None:
            raise UnreadableDelivery(f"{self._described('currency')} is no currency of ISO 4217.")
        return code

    def _refuse_other_kind(self, name: str) -> None:
        for place in self._mapping.fields.get(name, ()):
            if self._found(place) not in (None, ""):
                raise UnreadableDelivery(f"{self._described(name)} is no amount.")

    def _needed(self, name: str) -> str:
        text = self._text(name)
        if not 0 < len(text) <= LONGEST_ID:
            predicate = f"is missing, or no text of at most {LONGEST_ID} characters"
            raise UnreadableDelivery(f"{self._described(name)} {predicate}.")
        return text

    def _text(self, name: str) -> str:
        return next((text for text in self._texts(name) if len(text) <= LONGEST_TEXT), "")

    def _texts(self, name: str) -> tuple[str, ...]:
        return self._all(self._mapping.fields.get(name, ()))

    def _all(self, places: Sequence[FieldPlace]) -> tuple[str, ...]:
        found = (_as_text(self._found(place)).strip() for place in places)
        return tuple(text for text in found if 0 < len(text) <= _LONGEST_ADDRESS)

    def _found(self, place: FieldPlace) -> object:
        if place.path:
            return _at(self._body, place.path)
        return self._headers.get(place.header) if place.header else place.value

    def _described(self, name: str) -> str:
        """Return a field's name and where the mapping looks for it, such as "reference (data.id)"."""
        places = [_written(place) for place in self._mapping.fields.get(name, ())]
        return f"{name} ({' or '.join(places)})" if places else name


def _given(rule: SignatureRule, header: str) -> list[str]:
    """Return the signatures of a header, without what stands before each."""
    if rule.part:
        found = [value for name, value in parts_of(header) if name == rule.part]
    elif " " in rule.prefix:
        found = [header]
    else:
        found = header.split()
    return [each.removeprefix(rule.prefix) for each in found if each.startswith(rule.prefix)]


def _stamp(place: StampPlace | None, rule: SignatureRule, request: HookRequest) -> str:
    if place is None:
        return ""
    if place.header:
        return request.headers.get(place.header, "")
    return part_of(request.headers.get(rule.header, ""), place.part)


def _key(rule: SignatureRule, secret: str) -> bytes:
    if rule.key_form == "text":
        return bytes_of(secret)
    return decoded(secret.removeprefix(_SECRET_PREFIX), rule.key_form)


def _at(value: Any, path: Sequence[Step]) -> object:
    """Return what is at a path of a JSON value, None where there is nothing."""
    for step in path:
        if isinstance(step, tuple):
            value = _chosen(value, *step)
        elif isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    found: object = value
    return found


def _chosen(items: object, name: str, text: str) -> Mapping[str, Any] | None:
    """Return the first object of a list whose member of this name is this text."""
    found = items if isinstance(items, list) else []
    return next((item for item in found if isinstance(item, dict) and _as_text(item.get(name)) == text), None)


def _as_text(value: object) -> str:
    """Return a JSON text, number or truth as a text."""
    return str(value).lower() if isinstance(value, bool) else text_of(value)


def _written(place: FieldPlace) -> str:
    if place.header:
        return f"header {place.header}"
    steps = (f"{step[0]}={step[1]}" if isinstance(step, tuple) else str(step) for step in place.path)
    return place.value or ".".join(steps)


GENERIC = Platform(
    name="generic",
    is_thin=False,
    makes_secret=False,
    is_signed=is_signed,
    is_ping=never_ping,
    topic=topic,
    read=read,
)
