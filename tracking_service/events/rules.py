"""Judges an event by itself: every fault of it at once, or what is to be kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple
from uuid import UUID

from clicktrail.tracking.v1 import event_pb2
from common import field_rules
from common.clock import EPOCH, YEAR_9999_SECONDS, now
from common.errors import Fault, Faults, FaultType
from common.ids import new_uuid7
from common.json_text import JsonTextError, Number, parse
from tracking_service.actions.catalogue import ALIASES, CATALOGUE, OURS, Action
from tracking_service.attribution.credits import OF_ORDERS, ORDER_EARNS_FROM, REFUNDED
from tracking_service.events import ids
from tracking_service.events.event import Draft, KeptObject, SentEvent, Submission
from tracking_service.events.objects import ObjectFinder, is_reference
from tracking_service.identity.evidence import Identity
from tracking_service.money import EXPONENTS, AmountError, is_amount, parse_minor
from tracking_service.profiles.profile import profile_id_faults, session_faults, visitor_faults

KEY_LENGTH = field_rules.rules(event_pb2.Submission, "key").max_length
ID_BYTES = 16
_MICROSECONDS = 1_000_000
_CUSTOM = Action()
# JSON texts of an event: objects, or null.
_OBJECTS = ("metadata", "extra", "object_parameters")
# Where money stands in an object, as Hellotext's plugins write it: an order's own, or what a refund gives back.
OWN_SUMS = {**dict.fromkeys(ORDER_EARNS_FROM, "total"), REFUNDED: "amount"}
# References of an order beside its own: the number that its customer sees, with and without its sign, and some more.
_MOST_ALIASES = 10
# Texts that are interpreted, or kept as text, which cannot hold a NUL.
_TEXTS = (("page", "url"), ("utm_params", "source"), ("user_parameters", "id"), ("user_parameters", "source"))


@dataclass(frozen=True, slots=True)
class EventContext:
    """What is known of a submission's business: its currency, its custom actions, objects by their ids."""

    currency: str
    actions: frozenset[str]
    objects: Mapping[UUID, KeptObject]


def judge(submission: Submission, context: EventContext | None) -> Draft | list[Fault]:
    """Return what is to be kept of a submission, or every fault of it; context is None for an unknown business."""
    if context is None:
        return [Fault(FaultType.NOT_FOUND, "business", "There is no such business.")]
    faults = Faults()
    event = _with_present_names(submission.event)
    received_at = _time(submission.received_at, "received_at", faults) or now()
    event_id = _event_id(submission, received_at, faults)
    tracked_at = _time(event.tracked_at, "tracked_at", faults)
    rule = _rule(event.action, context, faults)
    _who(event, faults, is_private=submission.is_private, is_told=submission.platform is not None)
    parsed = {name: _json(event, name, faults) for name in _OBJECTS if getattr(event, name)}
    event_object = None
    if rule.needs is not None or event.object is not None or event.object_parameters:
        finder = ObjectFinder(submission.business_id, event_id, context.objects, faults)
        event_object = finder.find(event, rule, parsed.get("object_parameters"))
    sum_ = _sum(event, parsed.get("object_parameters"))
    amount_minor, currency = _money(sum_, context.currency, faults)
    _texts(event, faults)
    return faults.found or Draft(
        id=event_id,
        fingerprint=ids.fingerprint(event, parsed),
        received_at=received_at,
        occurred_at=received_at if tracked_at is None else min(tracked_at, received_at),
        tracked_at=tracked_at,
        event_object=event_object,
        is_once=rule.once,
        amount_minor=amount_minor,
        currency=currency,
        said_amount=sum_.amount if event.action == REFUNDED and sum_.currency is None else None,
        business_id=submission.business_id,
        key=submission.key,
        is_private=submission.is_private,
        action=event.action,
        session=event.session,
        profile=event.profile,
        fresh_session=submission.fresh_session,
        metadata=_kept(event.metadata),
        user_parameters=_written(event.user_parameters),
        visitor=_visitor(event),
        page=_written(event.page),
        url=None if event.page is None else event.page.get("url"),
        utm_params=_written(event.utm_params),
        extra=_kept(event.extra),
        address=submission.address.replace("\0", ""),
        user_agent=submission.user_agent.replace("\0", ""),
        sent=submission.sent,
        platform=submission.platform,
        aliases=_aliases(submission, event.action),
    )


def _with_present_names(event: SentEvent) -> SentEvent:
    name = ALIASES.get(event.action)
    return event if name is None else event._replace(action=name)


def _event_id(submission: Submission, received_at: datetime, faults: Faults) -> UUID:
    key = submission.key
    if key is not None:
        if not key:
            faults.add("id", "must not be empty.", FaultType.PARAMETER_INVALID_EMPTY)
        elif len(key) > KEY_LENGTH:
            faults.add("id", f"must be at most {KEY_LENGTH} characters.")
        return ids.event_id(submission.business_id, is_private=submission.is_private, key=key)
    if submission.id and len(submission.id) != ID_BYTES:
        faults.add("id", "must be a UUID in 16 bytes.")
    elif submission.id:
        return UUID(bytes=submission.id)
    return new_uuid7(received_at)


def _time(stamp: tuple[int, int] | None, parameter: str, faults: Faults) -> datetime | None:
    if stamp is None:
        return None
    seconds, microseconds = stamp
    if not 0 <= seconds < YEAR_9999_SECONDS or not 0 <= microseconds < _MICROSECONDS:
        faults.add(parameter, "must lie in the years 1970 to 9998.")
        return None
    return EPOCH + timedelta(0, seconds, microseconds)  # by position: half the time of names


def _rule(action: str, context: EventContext, faults: Faults) -> Action:
    if not action:
        faults.add("action", "is missing.", FaultType.PARAMETER_MISSING)
    elif action in OURS:
        faults.add("action", "is one that cannot be sent.", FaultType.NOT_ALLOWED)
    elif action not in CATALOGUE and action not in context.actions:
        faults.add("action", "is neither a built-in one nor one of this business.", FaultType.NOT_FOUND)
    return CATALOGUE.get(action, _CUSTOM)


def _who(event: SentEvent, faults: Faults, *, is_private: bool, is_told: bool) -> None:
    if event.session is None and event.profile is None and not is_told:
        faults.add("session", "or profile is missing.", FaultType.PARAMETER_MISSING)
    if event.session is not None:
        faults.extend(session_faults("session", event.session))
    if event.profile is not None:
        if not is_private:
            faults.add("profile", "takes a private token.", FaultType.NOT_ALLOWED)
        faults.extend(profile_id_faults("profile", event.profile))


def _json(event: SentEvent, name: str, faults: Faults) -> Any:
    try:
        value = parse(getattr(event, name))
    except JsonTextError as error:
        faults.add(name, f"{error}.")
        return None
    # What an empty object of parameters means is not judged here.
    if not isinstance(value, dict | None):
        faults.add(name, "must be an object.")
    return value


def _visitor(event: SentEvent) -> Identity | None:
    """Return who an event says that its session's visitor is; None where that says nothing, or nobody could be so."""
    if event.user_parameters is None or event.session is None:
        return None
    identity = Identity(event.user_parameters.get("source", ""), event.user_parameters.get("id", ""))
    return None if any(visitor_faults(identity)) else identity


class _Sum(NamedTuple):
    """A sum as it was sent, and where its parts stand."""

    amount: str | None
    currency: str | None
    amount_name: str = "amount"
    currency_name: str = "currency"


def _sum(event: SentEvent, data: Any) -> _Sum:
    """Return an event's sum: its own, else the one in the data of its object."""
    member = OWN_SUMS.get(event.action)
    if event.amount is not None or member is None or not isinstance(data, dict):
        return _Sum(event.amount, event.currency)
    place, own = f"object_parameters.{member}", data.get(member)
    if isinstance(own, dict):
        found = _Sum(_word(own.get("amount")), _word(own.get("currency")), f"{place}.amount", f"{place}.currency")
    else:
        # Not the form that is documented: what is no amount was never meant as one.
        amount = _word(own)
        found = _Sum(amount if is_amount(amount) else None, _word(data.get("currency")), place)
    return (
        _Sum(None, event.currency)
        if found.amount is None
        else found._replace(currency=found.currency or event.currency)
    )


def _word(value: object) -> str | None:
    """Return a number or a text as a text; None where it is neither, or blank."""
    text = value.text if isinstance(value, Number) else value
    return text.strip() or None if isinstance(text, str) else None


def _money(sum_: _Sum, usual: str, faults: Faults) -> tuple[int | None, str | None]:
    if sum_.amount is None and sum_.currency is None:
        return None, None
    currency = usual if sum_.currency is None else sum_.currency
    if currency not in EXPONENTS:
        faults.add(sum_.currency_name, "must be a currency code of ISO 4217, in upper case.")
    if sum_.amount is None:
        faults.add("amount", "is missing beside currency.", FaultType.PARAMETER_MISSING)
        return None, None
    if not sum_.amount:
        faults.add("amount", "must not be empty.", FaultType.PARAMETER_INVALID_EMPTY)
        return None, None
    try:
        return parse_minor(sum_.amount, currency if currency in EXPONENTS else usual), currency
    except AmountError as error:
        faults.add(sum_.amount_name, f"{error}.")
        return None, None


def _texts(event: SentEvent, faults: Faults) -> None:
    for group, name in _TEXTS:
        values = getattr(event, group)
        if values is not None and "\0" in values.get(name, ""):
            faults.add(f"{group}.{name}", "must not contain a NUL character.")


def _aliases(submission: Submission, action: str) -> tuple[str, ...] | None:
    """Return the other references of an event's order, as they are compared; what can be none is passed over."""
    if submission.platform is None or action not in OF_ORDERS:
        return None
    texts = dict.fromkeys(ids.comparable(alias) for alias in submission.platform.aliases)
    return tuple(text for text in texts if is_reference(text))[:_MOST_ALIASES]


def _kept(text: bytes) -> str | None:
    """Return JSON as it was sent; null says as little as nothing."""
    if not text:
        return None
    kept = text.decode().strip()
    return None if kept in ("", "null") else kept


def _written(values: Mapping[str, str] | None) -> str | None:
    """Return texts as a JSON object; their names need no escapes."""
    if not values:
        return None
    return "{" + ", ".join([f'"{name}": {encode_basestring_ascii(value)}' for name, value in values.items()]) + "}"
