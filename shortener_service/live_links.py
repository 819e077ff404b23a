"""Links as the redirect needs them: everything that is the same at every click is made once."""

import time
from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.shortener.v1 import session_pb2
from clicktrail.tracking.v1 import click_pb2
from common import clock
from common.errors import ClicktrailError, Reason
from common.logging import get_logger
from common.rare_warnings import RareWarning
from shortener_service import destinations
from shortener_service.domain import Link, LinkKey, LinkRecord
from shortener_service.formats import template_id_text
from shortener_service.store import LinkStore, store_incomplete
from shortener_service.templates import KnownTemplate, Templates

log = get_logger(__name__)
# Redis may be emptied while we run; whoever started us does not see it otherwise.
_incomplete = RareWarning(log, "redis is not complete: unknown codes answer 503 until `clicktrail restore`")

FRESH_SECONDS = 5.0


class LiveLink:
    """A link, ready to be clicked."""

    __slots__ = (
        "_record",
        "business_id",
        "click_head",
        "expires_at",
        "fallback",
        "is_disabled",
        "location",
        "session_head",
    )

    def __init__(self, key: LinkKey, record: LinkRecord, known: KnownTemplate) -> None:
        link = Link(key, record, known.template)
        template = known.template
        self._record = record
        self.business_id = template.business_id
        self.location = known.location
        self.is_disabled = record.is_disabled
        self.expires_at = template.expires_at
        self.fallback = str(destinations.parse(template.fallback_url)) if template.fallback_url else ""
        # Serialized messages may be concatenated: that merges them. So a click is these bytes and its own.
        self.click_head = _click_head(link, template_id_text(known.id)).SerializeToString()
        self.session_head = _session_head(link).SerializeToString()

    def is_of(self, record: LinkRecord) -> bool:
        """Tell whether it was made of this record; what a template says never changes."""
        return self._record == record

    def is_gone(self, received_at: Timestamp) -> bool:
        """Tell whether it was expired or disabled for a hit of this time."""
        if self.is_disabled:
            return True
        return self.expires_at is not None and clock.from_timestamp(received_at) >= self.expires_at


class LiveLinks:
    """Reads links by the flight, and remembers each for 5 seconds; while the store is away, for as long as that."""

    def __init__(self, store: LinkStore, templates: Templates, limit: int) -> None:
        self._store = store
        self._templates = templates
        self._limit = limit
        self._remembered: dict[LinkKey, tuple[float, LiveLink]] = {}

    async def read(self, keys: Iterable[LinkKey]) -> dict[LinkKey, LiveLink | ClicktrailError]:
        """Return links by key, or why it cannot be told whether there is one.

        One that does not exist is left out; it is asked for again at the next hit.
        """
        oldest = time.monotonic() - FRESH_SECONDS
        links: dict[LinkKey, LiveLink | ClicktrailError] = {}
        missing: list[LinkKey] = []
        for key in set(keys):
            remembered = self._remembered.get(key)
            if remembered is not None and remembered[0] > oldest:
                links[key] = remembered[1]
            else:
                missing.append(key)
        if missing:
            try:
                links |= await self._fetch(missing)
            except ClicktrailError as error:
                links |= {key: self._as_remembered(key, error) for key in missing}
        return links

    def forget(self, key: LinkKey) -> None:
        """Read a link again at its next hit."""
        self._remembered.pop(key, None)

    async def _fetch(self, keys: list[LinkKey]) -> dict[LinkKey, LiveLink | ClicktrailError]:
        read_at = time.monotonic()
        records = dict(zip(keys, await self._store.get_records(keys), strict=True))
        templates = await self._templates.read_apart(
            record.template_id for record in records.values() if isinstance(record, LinkRecord)
        )
        found: dict[LinkKey, LiveLink | ClicktrailError] = {}
        for key, record in records.items():
            if record is None:
                continue
            remembered = self._remembered.get(key)
            if isinstance(record, ClicktrailError):
                if record.reason is Reason.STORE_INCOMPLETE:
                    _incomplete.tell()
                found[key] = self._as_remembered(key, record)
            elif remembered is not None and remembered[1].is_of(record):
                found[key] = self._remember(key, remembered[1], read_at)
            elif isinstance(known := templates.get(record.template_id), ClicktrailError):
                found[key] = self._as_remembered(key, known)
            elif known is None:
                log.error("a link has lost its template", template=template_id_text(record.template_id))
                found[key] = store_incomplete()
            else:
                found[key] = self._remember(key, LiveLink(key, record, known), read_at)
        return found

    def _as_remembered(self, key: LinkKey, error: ClicktrailError) -> LiveLink | ClicktrailError:
        """Return what is remembered of a link: that goes on while its server is away, or is being restored."""
        return self._remembered[key][1] if key in self._remembered else error

    def _remember(self, key: LinkKey, link: LiveLink, read_at: float) -> LiveLink:
        # Taken out first, so that the order is that of reading and the oldest is the first.
        self._remembered.pop(key, None)
        self._remembered[key] = (read_at, link)
        if len(self._remembered) > self._limit:
            del self._remembered[next(iter(self._remembered))]
        return link


def _click_head(link: Link, template_id: str) -> click_pb2.Click:
    template = link.template
    return click_pb2.Click(
        business_id=template.business_id,
        link=link.id,
        template=template_id,
        campaign=template.campaign,
        journey=template.journey,
        message=template.message,
        profile=link.record.profile,
        link_created_at=Timestamp(seconds=link.record.created_seconds),
    )


def _session_head(link: Link) -> session_pb2.Session:
    template = link.template
    return session_pb2.Session(
        business_id=template.business_id,
        link=link.id,
        profile=link.record.profile or None,
        campaign=template.campaign or None,
        journey=template.journey or None,
        message=template.message or None,
    )
