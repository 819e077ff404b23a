"""Writes links that are made together, for answers and for the outbox: what they share once, what differs each."""

from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.shortener.v1 import link_pb2
from clicktrail.tracking.v1 import relay_service_pb2
from shortener_service.domain import LinkKey, LinkRecord, id_of
from shortener_service.formats import template_id_text
from shortener_service.protobuf_wire import delimited, tag_of, text

_ID = tag_of(link_pb2.Link, "id")
_CODE = tag_of(link_pb2.Link, "code")
_SHORT_URL = tag_of(link_pb2.Link, "short_url")
_PROFILE = tag_of(link_pb2.Link, "profile")
_EXTERNAL_ID = tag_of(link_pb2.Link, "external_id")
_LINK = tag_of(relay_service_pb2.LinkCopy, "link")
_LINKS = tag_of(relay_service_pb2.DeliverRequest, "links")


class NewLinks:
    """Links of one template, created in one second."""

    def __init__(self, part: link_pb2.Link, base_url: str, template_id: bytes, created_seconds: int) -> None:
        self._domain = part.domain
        self._base_url = base_url
        whole = link_pb2.Link(created_at=Timestamp(seconds=created_seconds))
        whole.MergeFrom(part)
        self._shared = whole.SerializeToString()
        self._template_id = template_id
        self._created_seconds = created_seconds
        named = template_id_text(template_id)
        revision = LinkRecord(template_id, created_seconds).revision
        copy = relay_service_pb2.LinkCopy(template=named, revision=revision)
        self._copy_part = copy.SerializeToString()

    def record(self, profile: str, external_id: str) -> LinkRecord:
        """Return what is kept of a link."""
        return LinkRecord(self._template_id, self._created_seconds, profile, external_id)

    def link(self, code: str, record: LinkRecord) -> bytes:
        """Return a serialized `Link`."""
        key = LinkKey(self._domain, code)
        return b"".join(
            (
                self._shared,
                text(_ID, id_of(key)),
                text(_CODE, code),
                text(_SHORT_URL, self._base_url + code),
                text(_PROFILE, record.profile),
                text(_EXTERNAL_ID, record.external_id),
            )
        )

    def delivery(self, link: bytes) -> bytes:
        """Return what the outbox gets of a link: a serialized `DeliverRequest`."""
        return delimited(_LINKS, delimited(_LINK, link) + self._copy_part)
