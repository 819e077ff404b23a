"""Reads links out of their copies: the very records that there were."""

from typing import NamedTuple

from clicktrail.tracking.v1 import relay_service_pb2
from shortener_service.links import codec
from shortener_service.links.link import LinkKey, LinkRecord, key_from_id
from shortener_service.links.messages import template_of


class RestoredLink(NamedTuple):
    """A link as it is written again."""

    key: LinkKey
    record: LinkRecord
    template_bytes: bytes


def restored(copy: relay_service_pb2.LinkCopy) -> RestoredLink:
    """Return the link that a copy is of."""
    link = copy.link
    content = codec.template_to_bytes(template_of(link.business_id, link))
    created_seconds = link.created_at.seconds
    has_changed = copy.revision != created_seconds * 1000
    is_detached = copy.HasField("detached_id")
    record = LinkRecord(
        template_id=codec.template_id_of(content),
        created_seconds=created_seconds,
        profile=link.profile,
        external_id=copy.detached_id if is_detached else link.external_id,
        is_disabled=link.disabled,
        origin_id=_origin(copy, content) if has_changed else b"",
        changed_milliseconds=copy.revision if has_changed else 0,
        is_detached=is_detached,
    )
    return RestoredLink(key_from_id(link.id), record, content)


def _origin(copy: relay_service_pb2.LinkCopy, content: bytes) -> bytes:
    """Return the first template's id; a change of something else left the present one."""
    if not copy.origin_template:
        return codec.template_id_of(content)
    return codec.template_id_from_text(copy.origin_template)
