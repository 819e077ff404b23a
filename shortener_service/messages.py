"""Writes links as the contract's messages: for answers, and for the outbox."""

from clicktrail.shortener.v1 import link_pb2
from clicktrail.tracking.v1 import relay_service_pb2
from common.clock import to_timestamp
from shortener_service.domain import Link, LinkKey, LinkRecord, Template, id_of
from shortener_service.formats import template_id_text


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
