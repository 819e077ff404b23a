"""Tell which order a refund names."""

from uuid import UUID

from common.ids import uuid_of
from common.json_text import Number, parse
from tracking_service import derivation
from tracking_service.attribution.credits import REFUNDED
from tracking_service.events import Draft

ORDER = "order"
# The version of the ids that we derive, by which an order's id is told from a reference that is a UUID too.
_OURS = 8


def refunded_order(draft: Draft) -> UUID | None:
    """Return the object id of the order that a refund names, by its id or by its reference with the refund's source."""
    if draft.action != REFUNDED or draft.thing is None:
        return None
    data = parse(draft.thing.data.encode())
    named, source = _text(data.get(ORDER)), _text(data.get("source"))
    if not named:
        return None
    order_id = uuid_of(named)
    if order_id is not None and order_id.version == _OURS:
        return order_id
    return derivation.object_id(draft.business_id, ORDER, source, named)


def _text(value: object) -> str:
    if isinstance(value, Number):
        return value.text
    return value if isinstance(value, str) and value.strip() else ""
