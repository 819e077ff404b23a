"""Links and templates to messages, and back."""

from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.common.v1 import types_pb2
from clicktrail.shortener.v1 import link_pb2
from clicktrail.shortener.v1 import link_service_pb2 as pb
from clicktrail.tracking.v1 import relay_service_pb2
from common.clock import from_timestamp, to_timestamp
from common.errors import invalid_field
from shortener_service.links.codec import template_id_text
from shortener_service.links.link import UTM_NAMES, Link, LinkKey, LinkRecord, Template, id_of
from shortener_service.protobuf_wire import delimited, tag_of, text

_ID = tag_of(link_pb2.Link, "id")
_CODE = tag_of(link_pb2.Link, "code")
_SHORT_URL = tag_of(link_pb2.Link, "short_url")
_PROFILE = tag_of(link_pb2.Link, "profile")
_EXTERNAL_ID = tag_of(link_pb2.Link, "external_id")
_LINK = tag_of(relay_service_pb2.LinkCopy, "link")
_LINKS = tag_of(relay_service_pb2.DeliverRequest, "links")


class LinkMessages:
    """Knows the public URL, and with it how a link looks from outside."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url

    def template_part(self, template: Template) -> link_pb2.Link:
        """Return what all links of a template have in common."""
        message = link_pb2.Link(business_id=template.business_id, destination=template.destination)
        for name in ("domain", "campaign", "journey", "message", "fallback_url"):
            if value := getattr(template, name):
                setattr(message, name, value)
        for name, value in template.utm:
            setattr(message.utm, name, value)
        if template.expires_at is not None:
            message.expires_at.CopyFrom(to_timestamp(template.expires_at))
        message.session_parameters.extend(template.session_parameters)
        if template.metadata:
            message.metadata.text = template.metadata
        return message

    def whole(self, part: link_pb2.Link, key: LinkKey, record: LinkRecord) -> link_pb2.Link:
        """Return a link's message, given what its template's links have in common."""
        link = link_pb2.Link(disabled=record.is_disabled, code=key.code)
        link.MergeFrom(part)
        link.created_at.seconds = record.created_seconds
        if record.profile:
            link.profile = record.profile
        if record.external_id and not record.is_detached:
            link.external_id = record.external_id
        if record.block:
            link.blocked_at.seconds = record.block.since_seconds
            if record.block.reason:
                link.blocked_reason = record.block.reason
        link.id, link.short_url = id_of(key), self.base_url(key.domain) + key.code
        return link

    def base_url(self, domain: str) -> str:
        """Return what stands before the code in the short URLs of a domain, "" for the default one."""
        return f"https://{domain}/" if domain else f"{self._public_url}/"

    def link(self, link: Link) -> link_pb2.Link:
        """Return a link's message."""
        return self.whole(self.template_part(link.template), link.key, link.record)


def delivery_of(link: link_pb2.Link, record: LinkRecord) -> bytes:
    """Return what the outbox gets when a link is new or changed: a serialized `DeliverRequest`."""
    copy = relay_service_pb2.LinkCopy(
        link=link,
        template=template_id_text(record.template_id),
        revision=record.revision,
        origin_template=template_id_text(record.origin_id),
        detached_id=record.external_id if record.is_detached else None,
    )
    return relay_service_pb2.DeliverRequest(links=[copy]).SerializeToString()


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


def template_of(business_id: str, message: pb.CreateLinkRequest | link_pb2.LinkTemplate | link_pb2.Link) -> Template:
    """Return the template that a message describes."""
    return Template(
        business_id=business_id,
        destination=message.destination,
        domain=message.domain,
        campaign=message.campaign,
        journey=message.journey,
        message=message.message,
        **{
            name: _value(message, name)
            for name in ("utm", "expires_at", "fallback_url", "session_parameters", "metadata")
        },
    )


def _value(message: Any, name: str) -> Any:
    """Return a field of a message as the template has it; what the message has not is absent there."""
    value = getattr(message, name)
    if name == "utm":
        return _utm(value)
    if name == "expires_at":
        return _time(name, value) if message.HasField(name) else None
    if name == "session_parameters":
        return tuple(value)
    return value.text if name == "metadata" else value


def _time(name: str, stamp: "Timestamp") -> datetime:
    try:
        return from_timestamp(stamp)
    except OverflowError:
        raise invalid_field(name, "is not a time between the years 1 and 9999.") from None


def _utm(utm: types_pb2.Utm) -> tuple[tuple[str, str], ...]:
    return tuple((name, getattr(utm, name)) for name in UTM_NAMES if getattr(utm, name))
