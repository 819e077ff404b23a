"""Reads the fields of deliveries: what an order cannot be recorded without is named where it is missing."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from common.field_rules import NOBODYS_IDS, PATH_STEPS
from common.json_text import DEEPEST, JsonReader, JsonTextError, Number
from tracking_service.platforms import amounts
from tracking_service.platforms.platform import UnreadableDelivery
from tracking_service.platforms.times import written_time

# Of what an object is found by.
LONGEST_TEXT = 255
# Of what is needed: so that an order's id and another one together are no longer than that.
LONGEST_ID = 120
# With 20 items of 100 characters each, written as escapes of 12 bytes, details stay below what an object may be: 64 KB.
_LONGEST_PROSE = 100
_MOST_ITEMS = 20
_SHORTEST_TOKEN, _LONGEST_TOKEN = 8, 200
_MOST_DIGITS_OF_COUNT = 15
_READER = JsonReader(Number, DEEPEST)
# What neither a message nor the database holds: NUL and halves of characters.
_UNFIT = re.compile("[\0\ud800-\udfff]")
_ID_IN_ADDRESS = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", re.ASCII)


class Fields:
    """An object of a delivery. Faults name its fields by their path, such as "refunds[0].id"."""

    __slots__ = ("_members", "_path")

    def __init__(self, members: Mapping[str, Any], path: str = "") -> None:
        self._members = members
        self._path = path

    def __contains__(self, name: str) -> bool:
        return self._members.get(name) is not None

    def text(self, name: str, most: int = LONGEST_TEXT) -> str:
        """Return a text or a number as it was written; "" where it is neither, or longer than it may be."""
        text = text_of(self._members.get(name)).strip()
        return text if len(text) <= most else ""

    def needed(self, name: str) -> str:
        """Return a text or a number as it was written. Raises `UnreadableDelivery` where it is neither."""
        text = self.text(name, LONGEST_ID)
        if not text:
            raise self.unreadable(name, f"is missing, or no text of at most {LONGEST_ID} characters")
        return text

    def id_to_fetch(self, name: str) -> str:
        """Return an id that can stand in an address. Raises `UnreadableDelivery`."""
        text = self.needed(name)
        if not _ID_IN_ADDRESS.fullmatch(text):
            raise self.unreadable(name, "is no id that could be asked for")
        return text

    def prose(self, name: str) -> str:
        """Return a text that is only shown, cut where it is long."""
        return text_of(self._members.get(name)).strip()[:_LONGEST_PROSE]

    def is_true(self, name: str) -> bool:
        """Tell whether a field is true, and not merely something."""
        return self._members.get(name) is True

    def is_false(self, name: str) -> bool:
        """Tell whether a field is false, and not merely absent."""
        return self._members.get(name) is False

    def inner(self, name: str) -> "Fields":
        """Return an object within this one, an empty one where there is none."""
        value = self._members.get(name)
        return Fields(value if isinstance(value, dict) else {}, f"{self._path}{name}.")

    def each(self, name: str) -> "Iterator[Fields]":
        """Yield the objects of a list within this one; PHP writes a list with gaps as an object."""
        value = self._members.get(name)
        found = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        for index, member in enumerate(found):
            if isinstance(member, dict):
                yield Fields(member, f"{self._path}{name}[{index}].")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts and numbers of a list within this object."""
        value = self._members.get(name)
        found = (text_of(member).strip() for member in value) if isinstance(value, list) else ()
        return tuple(text for text in found if 0 < len(text) <= LONGEST_TEXT)

    def amount(self, name: str, exponent: int | None = None) -> str | None:
        """Return an amount in major units, of minor ones where they have an exponent; None where it is not told.

        Raises `UnreadableDelivery` where something else stands in its place.
        """
        value = self._members.get(name)
        if value is None or value == "":
            return None
        text = text_of(value).strip()
        amount = amounts.major(text) if exponent is None else amounts.from_minor(text, exponent)
        if amount is None:
            raise self.unreadable(name, "is no amount")
        return amount

    def amount_taken(self, name: str) -> str | None:
        """Return an amount that may be written as what is taken away, with a minus sign, without it."""
        text = text_of(self._members.get(name)).strip()
        return Fields({name: text.removeprefix("-")}, self._path).amount(name) if text else self.amount(name)

    def currency(self, name: str) -> str:
        """Return the code of a currency. Raises `UnreadableDelivery` where it is none that there is."""
        code = amounts.currency(self.text(name))
        if code is None:
            raise self.unreadable(name, "is no currency of ISO 4217")
        return code

    def time(self, *names: str, read: Callable[[str], datetime | None] = written_time) -> datetime | None:
        """Return the first of these fields that is a time."""
        return next((at for name in names if (at := read(self.text(name))) is not None), None)

    def named(self, list_: str, key: str, value: str) -> dict[str, str]:
        """Return a list of pairs, such as attributes with `name` and `value`, as texts by name; the first counts."""
        found: dict[str, str] = {}
        for pair in self.each(list_):
            found.setdefault(pair.text(key), pair.text(value, most=8192))
        return found

    def unreadable(self, name: str, predicate: str) -> UnreadableDelivery:
        """Return the error that tells what is wrong with a field."""
        return UnreadableDelivery(f"{self._path}{name} {predicate}.")


def read_object(body: bytes) -> Fields:
    """Return the object that a body is. Raises `UnreadableDelivery`."""
    value = read_value(body)
    if not isinstance(value, dict):
        raise UnreadableDelivery("The body is no JSON object.")
    return Fields(value)


def read_value(body: bytes) -> Any:
    """Return the JSON that a body is, its numbers as they were written. Raises `UnreadableDelivery`."""
    try:
        return _READER.read(body)
    except JsonTextError as error:
        raise UnreadableDelivery(f"The body {error}.") from None


def peek(body: bytes) -> Fields:
    """Return the object that a body is, an empty one where it is none."""
    try:
        return read_object(body)
    except UnreadableDelivery:
        return Fields({})


def text_of(value: object) -> str:
    """Return a JSON text or number as a text that can be kept, "" for everything else."""
    text = value.text if isinstance(value, Number) else value
    return _UNFIT.sub("\ufffd", text) if isinstance(text, str) else ""


def word(text: str) -> str:
    """Return a platform's word for something, such as a topic, as it can be shown and kept."""
    return text_of(text).strip()[:_LONGEST_PROSE]


def customer_id(text: str) -> str:
    """Return the id of a customer, "" for a guest: what platforms and programs write where they know nobody."""
    return "" if text == "0" or text in NOBODYS_IDS or text in PATH_STEPS else text


def first(*texts: str) -> str:
    """Return the first text that is not empty, "" where there is none."""
    return next(filter(None, texts), "")


def full_name(given: str, family: str) -> str:
    """Return a person's name of its two parts, either of which may be absent."""
    return f"{given} {family}".strip()


def tokens(*texts: str) -> tuple[str, ...]:
    """Return the tokens of a cart and a checkout that a page can have bound."""
    return tuple(dict.fromkeys(text for text in texts if _SHORTEST_TOKEN <= len(text) <= _LONGEST_TOKEN))


def numbers_shown(reference: str, *numbers: str) -> tuple[str, ...]:
    """Return under which numbers customers know an order, each with "#" and without, but for its reference."""
    plain = [number.removeprefix("#") for number in numbers if number.strip("#") and len(number) <= LONGEST_ID]
    shown = dict.fromkeys(form for number in plain for form in (number, f"#{number}"))
    return tuple(number for number in shown if number != reference)


def items(fields: Iterator[Fields], name: str = "name", price: str = "price") -> list[dict[str, object]]:
    """Return the items of an order as they are shown with it: name, quantity, price as it was written, SKU."""
    found: list[dict[str, object]] = []
    for item, _ in zip(fields, range(_MOST_ITEMS), strict=False):
        shown: dict[str, object] = {
            "name": item.prose(name),
            "quantity": _count(item.text("quantity", most=40)),
            "price": item.text(price, most=40),
            "sku": item.prose("sku"),
        }
        found.append({key: value for key, value in shown.items() if value != ""})
    return found


def details(number: str, shown: list[dict[str, object]]) -> dict[str, object]:
    """Return what is shown with an order: the number that its customer sees, and its items."""
    told: dict[str, object] = {"number": number, "items": shown}
    return {key: value for key, value in told.items() if value}


def _count(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS_OF_COUNT else text
