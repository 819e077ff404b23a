"""A generic connection as data: how its deliveries are signed, and where in them is what we need.

`docs/connections/generic.md` describes it for those who write one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from common.errors import Faults, FaultType, field_fault, invalid
from common.json_text import JsonTextError, Number, parse
from tracking_service.money import EXPONENTS

ALGORITHMS = ("sha256", "sha512", "sha1", "token")
ENCODINGS = ("hex", "base64")
SECRET_FORMS = ("text", "base64", "hex")
# Of amounts: the currency's own, such as 39.90; the currency's smallest by ISO 4217; hundredths, whatever the currency.
UNITS = ("major", "minor", "hundredths")
# What a mapping may make of a platform's word; "" makes nothing of it.
ACTIONS = (
    "order.placed", "order.confirmed", "order.shipped", "order.delivered", "order.cancelled", "refund.requested",
    "refund.received", "",
)  # fmt: skip
_FIELDS = ("reference", "number", "amount", "currency", "time", "session", "landing", "tokens", "test")
_CUSTOMER = ("id", "email", "phone", "name")
_REFUND = ("id", "amount")
_REQUIRED = ("signature", "action", "reference")
_SIGNATURE = (
    "header", "algorithm", "encoding", "secret", "prefix", "part", "signed", "time", "id", "tolerance_seconds",
)  # fmt: skip
_TOLERANCE_SECONDS = 300
_LONGEST_TOLERANCE_SECONDS = 86_400
_MOST_PLACES = 10
_MOST_VALUES = 100
_LONGEST = 200
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_PATH = re.compile(r"[^.\[\]]+(\[[^\[\]]+\])*(\.[^.\[\]]+(\[[^\[\]]+\])*)*")
_STEP = re.compile(r"\[([^\[\]]+)\]|([^.\[\]]+)")
_SIGNED = ("{body}", "{t}", "{id}")
_PLACEHOLDER = re.compile(r"(\{[^{}]*\})")

Step: TypeAlias = str | int | tuple[str, str]
"""A member's name, an item's index, or the first item that has a member with this text."""


class FieldPlace(NamedTuple):
    """Where a field is: at a path of the body, else in a header, else it is always the same value."""

    path: tuple[Step, ...] = ()
    header: str = ""
    value: str = ""


class StampPlace(NamedTuple):
    """Where a part of what is signed is: in a header of its own, or a part of the signature's, such as `t` of `t=…`."""

    header: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class SignatureRule:
    """How deliveries are signed.

    header, in lower case, holds one signature or several, apart by spaces, each behind the prefix; or, where there is
    a part, as `t=…,v1=…`. signed is what is signed, as pieces, `{body}`, `{t}` and `{id}` among them. The algorithm
    "token" signs nothing: the header holds the secret.
    """

    header: str
    algorithm: str = "sha256"
    encoding: str = "hex"
    key_form: str = "text"
    prefix: str = ""
    part: str = ""
    signed: tuple[str, ...] = ("{body}",)
    time: StampPlace | None = None
    id: StampPlace | None = None
    tolerance_seconds: int = _TOLERANCE_SECONDS


@dataclass(frozen=True, slots=True)
class GenericMapping:
    """Describes a platform that has no module.

    action is where its word for what happened is, actions what becomes of which word. fields are by name,
    `customer.id` and `refund.amount` among them; of several places the first that holds something counts. amount_unit
    is one of `UNITS`.
    """

    signature: SignatureRule
    action: tuple[FieldPlace, ...]
    actions: Mapping[str, str]
    fields: Mapping[str, tuple[FieldPlace, ...]]
    amount_unit: str = "major"

    @staticmethod
    def parse(text: bytes) -> "GenericMapping":
        """Read a mapping's JSON. Raises `ClicktrailError` with all of its faults, named from "mapping." on."""
        reader = _MappingReader()
        mapping = reader.read(text)
        if reader.faults.found:
            raise invalid(reader.faults.found)
        return mapping


@dataclass(slots=True)
class _MappingReader:
    """Reads a mapping and notes all that is wrong with it. What it returns counts only where there are no faults."""

    faults: Faults = field(default_factory=lambda: Faults("mapping."))
    unit: str = "major"

    def read(self, text: bytes) -> GenericMapping:
        members = self._parsed(text)
        self._check_names(members, (*_REQUIRED, *_FIELDS, "customer", "refund"), "")
        for name in _REQUIRED:
            if members.get(name) is None:
                self.faults.add(name, "is missing.", FaultType.PARAMETER_MISSING)
        signature = self._signature(self._object(members, "signature"))
        places, actions = self._action(members.get("action"))
        fields = self._fields(members)
        if "refund.received" in actions.values() and "refund.id" not in fields:
            self.faults.add("refund.id", "is needed to tell refunds apart.", FaultType.PARAMETER_MISSING)
        return GenericMapping(signature, places, actions, fields, self.unit)

    def _parsed(self, text: bytes) -> Mapping[str, Any]:
        try:
            value = parse(text)
        except JsonTextError as error:
            self.faults.found.append(field_fault("mapping", f"{error}."))
            return {}
        if not isinstance(value, dict):
            self.faults.found.append(field_fault("mapping", "must be an object."))
            return {}
        return value

    def _check_names(self, members: Mapping[str, Any], known: Iterable[str], path: str) -> None:
        for name in sorted(members.keys() - set(known)):
            self.faults.add(f"{path}{name[:_LONGEST]}", "is unknown here.")

    def _object(self, members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = members.get(name)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.faults.add(name, "must be an object.")
        return {}

    def _signature(self, members: Mapping[str, Any]) -> SignatureRule:
        self._check_names(members, _SIGNATURE, "signature.")
        rule = SignatureRule(
            header=self._header(members.get("header"), "signature.header", is_required=bool(members)),
            algorithm=self._choice(members, "algorithm", ALGORITHMS),
            encoding=self._choice(members, "encoding", ENCODINGS),
            key_form=self._choice(members, "secret", SECRET_FORMS),
            prefix=self._text(members.get("prefix", ""), "signature.prefix", is_empty_allowed=True),
            part=self._text(members.get("part", ""), "signature.part", is_empty_allowed=True),
            signed=self._template(members.get("signed", "{body}")),
            time=self._stamp(members, "time"),
            id=self._stamp(members, "id"),
            tolerance_seconds=self._tolerance(members.get("tolerance_seconds")),
        )
        for name, placeholder in (("time", "{t}"), ("id", "{id}")):
            self._check_stamp(name, placeholder, is_given=members.get(name) is not None, signed=rule.signed)
        return rule

    def _template(self, value: object) -> tuple[str, ...]:
        text = self._text(value, "signature.signed")
        pieces = tuple(filter(None, _PLACEHOLDER.split(text)))
        unknown = [piece for piece in pieces if _PLACEHOLDER.fullmatch(piece) and piece not in _SIGNED]
        if unknown:
            self.faults.add("signature.signed", f"holds {unknown[0]}: only {{body}}, {{t}} and {{id}} are known.")
        if text and "{body}" not in pieces:
            self.faults.add("signature.signed", "must hold {body}: else anybody could send another one.")
        return pieces

    def _check_stamp(self, name: str, placeholder: str, *, is_given: bool, signed: Sequence[str]) -> None:
        if placeholder in signed and not is_given:
            self.faults.add(f"signature.{name}", f"is missing: {placeholder} is signed.", FaultType.PARAMETER_MISSING)
        if is_given and placeholder not in signed:
            self.faults.add(f"signature.{name}", f"proves nothing where {placeholder} is not signed.")

    def _stamp(self, members: Mapping[str, Any], name: str) -> StampPlace | None:
        value, path = members.get(name), f"signature.{name}"
        if value is None:
            return None
        if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= {"header", "part"}:
            self.faults.add(path, 'must be {"header": …} or {"part": …}.')
            return None
        if "header" in value:
            return StampPlace(header=self._header(value["header"], f"{path}.header"))
        return StampPlace(part=self._text(value["part"], f"{path}.part"))

    def _tolerance(self, value: object) -> int:
        if value is None:
            return _TOLERANCE_SECONDS
        text = value.text if isinstance(value, Number) else ""
        if re.fullmatch(r"\d{1,5}", text, re.ASCII) and 1 <= int(text) <= _LONGEST_TOLERANCE_SECONDS:
            return int(text)
        self.faults.add("signature.tolerance_seconds", f"must be a number from 1 to {_LONGEST_TOLERANCE_SECONDS}.")
        return _TOLERANCE_SECONDS

    def _action(self, value: object) -> tuple[tuple[FieldPlace, ...], Mapping[str, str]]:
        if not isinstance(value, dict):
            if value is not None:
                self.faults.add("action", 'must be an object, such as {"path": "type", "values": {…}}.')
            return (), {}
        if "value" in value and "values" not in value:
            action = self._known_action(value["value"], "action.value")
            return self._places(value | {"value": action or "-"}, "action"), {action: action}
        values = value.get("values")
        if not isinstance(values, dict) or not 0 < len(values) <= _MOST_VALUES:
            self.faults.add("action.values", f"must be an object of 1 to {_MOST_VALUES} of the platform's words.")
            values = {}
        place = {name: each for name, each in value.items() if name != "values"}
        known = {word: self._known_action(each, f"action.values.{word[:_LONGEST]}") for word, each in values.items()}
        return self._places(place, "action"), known

    def _known_action(self, value: object, path: str) -> str:
        if isinstance(value, str) and value in ACTIONS:
            return value
        self.faults.add(path, f"must be one of {', '.join(filter(None, ACTIONS))}, or empty.")
        return ""

    def _fields(self, members: Mapping[str, Any]) -> Mapping[str, tuple[FieldPlace, ...]]:
        given: dict[str, Any] = {name: members[name] for name in _FIELDS if members.get(name) is not None}
        for group, names in (("customer", _CUSTOMER), ("refund", _REFUND)):
            inner = self._object(members, group)
            self._check_names(inner, names, f"{group}.")
            given |= {f"{group}.{name}": inner[name] for name in names if inner.get(name) is not None}
        if isinstance(given.get("amount"), dict):
            given["amount"] = self._without_unit(given["amount"])
        fields = {name: self._places(value, name) for name, value in given.items()}
        self._check_currency(fields)
        return fields

    def _check_currency(self, fields: Mapping[str, tuple[FieldPlace, ...]]) -> None:
        places = fields.get("currency", ())
        if any(place.value and place.value not in EXPONENTS for place in places):
            self.faults.add("currency.value", "must be a currency of ISO 4217, such as USD.")
        if self.unit == "minor" and not places:
            self.faults.add("currency", "is needed where amounts are in minor units.", FaultType.PARAMETER_MISSING)

    def _without_unit(self, amount: Mapping[str, Any]) -> Mapping[str, Any]:
        unit = amount.get("unit", "major")
        if isinstance(unit, str) and unit in UNITS:
            self.unit = unit
        else:
            self.faults.add("amount.unit", f"must be one of {', '.join(UNITS)}.")
        return {name: value for name, value in amount.items() if name != "unit"}

    def _places(self, value: object, path: str) -> tuple[FieldPlace, ...]:
        if not isinstance(value, list):
            return (self._place(value, path),)
        if not 0 < len(value) <= _MOST_PLACES:
            self.faults.add(path, f"must have 1 to {_MOST_PLACES} places.")
        return tuple(self._place(each, f"{path}[{index}]") for index, each in enumerate(value[:_MOST_PLACES]))

    def _place(self, value: object, path: str) -> FieldPlace:
        if isinstance(value, str):
            return FieldPlace(path=self._path(value, path))
        if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= {"path", "header", "value"}:
            self.faults.add(path, 'must be a path, or one of {"path": …}, {"header": …} and {"value": …}.')
            return FieldPlace()
        if "path" in value:
            return FieldPlace(path=self._path(value["path"], f"{path}.path"))
        if "header" in value:
            return FieldPlace(header=self._header(value["header"], f"{path}.header"))
        return FieldPlace(value=self._text(value["value"], f"{path}.value"))

    def _path(self, value: object, path: str) -> tuple[Step, ...]:
        text = self._text(value, path)
        if text and not _PATH.fullmatch(text):
            self.faults.add(path, "is no path, such as order.items[0].id or attributes[name=session].value.")
            return ()
        return tuple(_step(found[1], found[2]) for found in _STEP.finditer(text))

    def _header(self, value: object, path: str, *, is_required: bool = True) -> str:
        if value is None and not is_required:
            return ""
        if isinstance(value, str) and _HEADER.fullmatch(value):
            return value.lower()
        self.faults.add(path, "must be the name of a header.")
        return ""

    def _choice(self, members: Mapping[str, Any], name: str, known: Sequence[str]) -> str:
        value = members.get(name, known[0])
        if isinstance(value, str) and value in known:
            return value
        self.faults.add(f"signature.{name}", f"must be one of {', '.join(known)}.")
        return known[0]

    def _text(self, value: object, path: str, *, is_empty_allowed: bool = False) -> str:
        if isinstance(value, str) and len(value) <= _LONGEST and (value or is_empty_allowed):
            return value
        self.faults.add(path, f"must be a text of 1 to {_LONGEST} characters.")
        return ""


def _step(within: str | None, name: str | None) -> Step:
    """Return a step of a path: `[0]`, `[name=session]`, or a member's name."""
    if within is None:
        return name or ""
    if within.isascii() and within.isdigit():
        return int(within)
    key, equals, text = within.partition("=")
    return (key, text) if equals else within
