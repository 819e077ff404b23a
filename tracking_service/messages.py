"""Write what answers of all services share: money and JSON."""

from clicktrail.common.v1 import types_pb2
from tracking_service.money import Money, format_minor


def money_message(money: Money) -> types_pb2.Money:
    """Return an amount as a decimal text with its currency."""
    return types_pb2.Money(amount=format_minor(money.minor, money.currency), currency=money.currency)


def json_message(text: str | None) -> types_pb2.Json | None:
    """Return a JSON text as it was sent; None where there is none."""
    return None if text is None else types_pb2.Json(text=text.encode())
