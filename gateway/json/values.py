"""Reads single JSON values into what a message's field takes, or says what is wrong with them."""

import re
from datetime import datetime, timedelta
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.common.v1.types_pb2 import Json
from common.clock import EPOCH, is_in_calendar, to_timestamp
from common.field_rules import rules
from gateway.json.text import Num, Value, dumps, is_plain, mended

JSON_BYTES = rules(Json, "text").max_bytes

_WHOLE = re.compile(r"-?\d{1,19}")
_DECIMAL = re.compile(r"[+-]?(\d{1,100}(\.\d{0,100})?|\.\d{1,100})([eE][+-]?\d{1,4})?", re.ASCII)
# Seconds of so many digits are years away, milliseconds of them are of 2001 to 2286: JavaScript's clock tells those.
_MILLISECONDS = range(10**12, 10**13)
# What a query makes of the plus sign of an offset that was not escaped.
_LOST_PLUS = re.compile(r" (?=\d\d:?\d\d\Z)")
_OUT_OF_CALENDAR = "must be a time of the years 1970 to 9998"
_NO_TIME = "must be a time in ISO 8601, such as 2026-05-04T03:02:01Z"
_NO_MOMENT = (
    "must be Unix seconds or milliseconds, as a number or a text, or a time in ISO 8601, such as 2026-05-04T03:02:01Z"
)


class WrongValueError(Exception):
    """The value is not what the field takes; the message says what is, as in "must be a string"."""


def read_text(value: Value) -> str:
    """Return a string that we can interpret: without NUL and lone surrogates."""
    if not isinstance(value, str) or isinstance(value, Num):
        raise WrongValueError("must be a string")
    if not is_plain(value):
        raise WrongValueError("must not contain NUL or a lone surrogate")
    return value


def read_prose(value: Value) -> str:
    """Return a string that is shown and no more; what no text may have in it is replaced."""
    return read_text(mended(value) if isinstance(value, str) and not isinstance(value, Num) else value)


def read_shown(value: Value) -> str | None:
    """Return what is only shown as a text, whatever it is: of what is no text, its JSON, such as 404 or ["a"].

    None where it is what PHP's functions return that found none, or an empty list or object.
    """
    if value in (False, [], {}):
        return None
    return mended(str(value) if isinstance(value, str) else dumps(value).decode())


def read_id(value: Value) -> str:
    """Return an id of the sender's system, where numbers are common: a string, or a whole number as its text."""
    if isinstance(value, Num) and _WHOLE.fullmatch(value):
        return str(value)
    return read_text(value)


def read_bool(value: Value) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool):
        raise WrongValueError("must be true or false")
    return value


def read_int(value: Value, bits: int) -> int:
    """Return a whole number of at most so many bits, sign included."""
    if not isinstance(value, Num) or not _WHOLE.fullmatch(value):
        raise WrongValueError("must be a whole number")
    number = int(value)
    if not -(1 << bits - 1) <= number < 1 << bits - 1:
        raise WrongValueError("is too large")
    return number


def read_float(value: Value) -> float:
    """Return a number."""
    if not isinstance(value, Num):
        raise WrongValueError("must be a number")
    return float(value)


def read_object(value: Value) -> Json:
    """Return a JSON object that we keep but do not interpret."""
    if not isinstance(value, dict):
        raise WrongValueError("must be an object")
    text = dumps(value)
    if len(text) > JSON_BYTES:
        raise WrongValueError(f"must have at most {JSON_BYTES} bytes")
    return Json(text=text)


def read_time(value: Value, otherwise: str = _NO_TIME) -> Timestamp:
    """Return a time from ISO 8601 with an offset; `otherwise` says what is wrong with any other text."""
    try:
        # RFC 3339 takes "t" and "z" too.
        at = datetime.fromisoformat(_LOST_PLUS.sub("+", read_text(value)).upper())
    except ValueError:
        raise WrongValueError(otherwise) from None
    if at.tzinfo is None:
        raise WrongValueError("must have an offset from UTC, such as Z or -03:00")
    return _in_calendar(at)


def read_moment(value: Value) -> Timestamp:
    """Return a time from Unix seconds or milliseconds, a number or its text, or from ISO 8601 with an offset."""
    if not isinstance(value, str):
        raise WrongValueError(_NO_MOMENT)
    if not _DECIMAL.fullmatch(value):
        return read_time(value, _NO_MOMENT)
    try:
        seconds = Decimal(value)
        if int(seconds) in _MILLISECONDS:
            seconds /= 1_000
        return _in_calendar(EPOCH + timedelta(microseconds=int(seconds * 1_000_000)))
    except OverflowError:
        raise WrongValueError(_OUT_OF_CALENDAR) from None


def read_decimal(value: Value) -> str:
    """Return the text of a decimal number, written as a number or as a string."""
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise WrongValueError("must be a number or a decimal string")
    return str(value)


def _in_calendar(at: datetime) -> Timestamp:
    stamp = to_timestamp(at)
    if not is_in_calendar(stamp):
        raise WrongValueError(_OUT_OF_CALENDAR)
    return stamp
