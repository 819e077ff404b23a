"""Reads an event as its sender wrote it: older names are folded, faults found all at once, the rest is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from clicktrail.tracking.v1.event_pb2 import Event, Submission, UtmSeen
from common.errors import Fault, FaultType, field_fault
from common.field_rules import rules
from gateway.json import values
from gateway.json.text import Value
from gateway.json.values import WrongValueError

_KEY_LIMITS = rules(Submission, "key")
_FEWEST, _MOST = _KEY_LIMITS.min_length, _KEY_LIMITS.max_length

# The objects that older senders name by their kind: "product", "product_id", "product_parameters".
KINDS = ("product", "order", "coupon", "form", "refund", "app")
# The kind that an action is about, by what stands before its dot; another kind beside it is not its object.
KIND_OF_ACTION = {kind: kind for kind in KINDS} | {"cart": "product"}
NAMES_OF_KINDS = {kind: (kind, f"{kind}_id", f"{kind}_parameters") for kind in KINDS}
OLDER_ACTIONS = {older.alias: older.value for older in rules(Event, "action").value_aliases}
# Who did it: the keys under which each of these may stand, the present one first.
IDS = {name: [name, *rules(Event, name).aliases] for name in ("session", "profile")}
_ALL_IDS = frozenset(key for keys in IDS.values() for key in keys)

# What is an object or nothing: PHP writes an empty one as an empty list.
_OBJECTS = frozenset(
    {
        "metadata",
        "page",
        "utm_params",
        "user_parameters",
        "object_parameters",
        *(f"{kind}_parameters" for kind in KINDS),
    }
)

# What shops' programs have where there is no id: no cookie, nobody logged in.
_NO_ID: Sequence[Value] = (None, "")

Read = Callable[[Value], Any]


@dataclass(slots=True)
class ParsedEvent:
    """An event and the sender's key for it; it only counts where there are no faults."""

    event: Event = field(default_factory=Event)
    key: str | None = None
    faults: list[Fault] = field(default_factory=list)
    size: int = 0
    """In bytes, without its content encoding; 0 where it came in a query or in a batch."""


def parse_event(sent: dict[str, Value], header_keys: Sequence[str] = ()) -> ParsedEvent:
    """Read an event, sent with these values of `Idempotency-Key`. What an action requires is not judged here."""
    parsed = ParsedEvent()
    reading = _Reading(
        {name: value for name, value in sent.items() if value != [] or name not in _OBJECTS}, parsed.faults
    )
    event = parsed.event
    reading.into(event, "action", ["action"], values.read_text)
    event.action = OLDER_ACTIONS.get(event.action, event.action)
    kinds = _kinds(event.action, sent)
    for name, keys in IDS.items():
        reading.into(event, name, keys, values.read_text, nothing=_NO_ID)
    named = ["object", *kinds, *(f"{kind}_id" for kind in kinds)]
    reading.into(event, "object", named, values.read_text, nothing=_NO_ID)
    parameters = ["object_parameters", *(f"{kind}_parameters" for kind in kinds)]
    if not event.object:
        reading.refuse_null(parameters)
    reading.into(event, "object_parameters", parameters, values.read_object)
    for name, read in PLAIN_FIELDS.items():
        if name in reading.rest:
            reading.into(event, name, [name], read)
    for name, members in GROUPS.items():
        if name in reading.rest:
            reading.group(event, name, members)
    reading.older_url(event)
    parsed.key = reading.key(header_keys)
    reading.keep_rest(event)
    if parsed.faults:
        parsed.faults.extend(_missing(event, parsed.faults))
    return parsed


class _Reading:
    """Takes what it reads out of the fields sent; what is left is the rest."""

    def __init__(self, rest: dict[str, Value], faults: list[Fault]) -> None:
        self.rest = rest
        self._faults = faults

    def into(
        self, message: Message, name: str, keys: list[str], read: Read, nothing: Sequence[Value] = (None,)
    ) -> None:
        """Set a field from the first of these keys that is there; another value under a later one is a fault.

        What is one of `nothing` is not there.
        """
        if self.rest.keys().isdisjoint(keys):
            return
        found = [(key, value) for key in keys if (value := self.rest.pop(key, None)) not in nothing]
        if not found:
            return
        if any(value != found[0][1] for _, value in found):
            both = " and ".join(key for key, _ in found)
            self._faults.append(Fault(FaultType.AMBIGUOUS_PARAMETER, found[0][0], f"{both} must be equal."))
        self._set(message, name, found[0], read)

    def refuse_null(self, keys: list[str]) -> None:
        """Find fault with those of these keys that are there and null."""
        for key in keys:
            if key in self.rest and self.rest[key] is None:
                self._faults.append(field_fault(key, "must not be null.", FaultType.PARAMETER_INVALID_EMPTY))

    def group(self, event: Event, name: str, members: dict[str, Read]) -> None:
        """Set the fields of an object; its unknown members stay in the rest."""
        value = self.rest.pop(name, None)
        if value is None:
            return
        if not isinstance(value, dict):
            self._faults.append(field_fault(name, "must be an object."))
            return
        message: Message = getattr(event, name)
        message.SetInParent()
        rest = dict(value)
        for member, read in members.items():
            inner = rest.pop(member, None)
            if inner is not None:
                self._set(message, member, (f"{name}.{member}", inner), read)
        if rest:
            self.rest[name] = rest

    def older_url(self, event: Event) -> None:
        """Take the page's address from where older senders put it, where it does not stand in `page`."""
        if "url" not in self.rest or event.page.HasField("url"):
            return
        url = self.rest.pop("url")
        if url is not None:
            event.page.SetInParent()
            self._set(event.page, "url", ("url", url), values.read_prose)

    def keep_rest(self, event: Event) -> None:
        """Keep what nobody has taken."""
        if self.rest:
            self._set(event, "extra", ("What is not interpreted", self.rest), values.read_object)

    def key(self, header_keys: Sequence[str]) -> str | None:
        """Return the sender's key: the field `id`, or the header `Idempotency-Key`."""
        id_ = self.rest.pop("id", None)
        keys = [*([] if id_ is None else [id_]), *header_keys]
        if not keys:
            return None
        sent = keys[0]
        if any(key != sent for key in keys):
            text = "id and every Idempotency-Key must be equal."
            name = "Idempotency-Key" if id_ is None else "id"
            self._faults.append(Fault(FaultType.AMBIGUOUS_PARAMETER, name, text))
        try:
            return _read_key(sent)
        except WrongValueError as error:
            type_ = FaultType.INVALID if sent else FaultType.PARAMETER_INVALID_EMPTY
            self._faults.append(Fault(type_, "id", f"id {error}."))
            return None

    def _set(self, message: Message, name: str, found: tuple[str, Value], read: Read) -> None:
        key, value = found
        try:
            read_value = read(value)
        except WrongValueError as error:
            self._faults.append(Fault(FaultType.INVALID, key, f"{key} {error}."))
            return
        if read_value is None:
            return
        if isinstance(read_value, Message):
            getattr(message, name).CopyFrom(read_value)
        else:
            setattr(message, name, read_value)


def _read_key(value: Value) -> str:
    key = values.read_text(value)
    if not _FEWEST <= len(key) <= _MOST:
        raise WrongValueError(f"must have {_FEWEST} to {_MOST} characters")
    return key


def _kinds(action: str, sent: dict[str, Value]) -> list[str]:
    """Return the kind of object under whose names this event's object may stand."""
    if kind := KIND_OF_ACTION.get(action.partition(".")[0]):
        return [kind]
    return [kind for kind, names in NAMES_OF_KINDS.items() if not sent.keys().isdisjoint(names)][:1]


def _missing(event: Event, faults: list[Fault]) -> list[Fault]:
    """Return what is missing as well, so that the sender of a faulty event hears of everything at once."""
    named = {fault.parameter for fault in faults}
    missing = []
    if not event.action and "action" not in named:
        missing.append(field_fault("action", "is required.", FaultType.PARAMETER_MISSING))
    has_visitor = event.HasField("session") or event.HasField("profile")
    if not has_visitor and named.isdisjoint(_ALL_IDS):
        missing.append(Fault(FaultType.PARAMETER_MISSING, "session", "session or profile is required."))
    return missing


PLAIN_FIELDS: dict[str, Read] = {
    "object_type": values.read_text,
    "amount": values.read_decimal,
    "currency": values.read_text,
    "metadata": values.read_object,
    "tracked_at": values.read_moment,
}
_UTM = {field.name: values.read_shown for field in UtmSeen.DESCRIPTOR.fields if field.message_type is None}
GROUPS: dict[str, dict[str, Read]] = {
    "user_parameters": {"id": values.read_id, "source": values.read_id},
    "page": {"url": values.read_prose, "title": values.read_shown, "path": values.read_shown},
    "utm_params": {**_UTM, "observed_at": values.read_moment},
}
