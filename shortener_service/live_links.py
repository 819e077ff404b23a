"""Links as the redirect needs them: everything that is the same at every click is made once."""

import time
from collections.abc import Iterable, Mapping
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.shortener.v1 import session_pb2
from clicktrail.tracking.v1 import click_pb2
from common import clock
from common.errors import ClicktrailError, Reason
from common.logging import get_logger
from common.rare_warnings import RareWarning
from shortener_service import codes
from shortener_service.domain import LinkKey, LinkRecord, id_of
from shortener_service.formats import record_from_bytes, template_id_text
from shortener_service.store import LinkStore, store_incomplete
from shortener_service.templates import KnownTemplate, Templates
from shortener_service.wire import delimited, tag_of, text

log = get_logger(__name__)
# Redis may be emptied while we run; whoever started us does not see it otherwise.
_incomplete = RareWarning(log, "redis is not complete: unknown codes answer 503 until `clicktrail restore`")

FRESH_SECONDS = 5.0

_LINK = tag_of(click_pb2.Click, "link")
_PROFILE = tag_of(click_pb2.Click, "profile")
_LINK_CREATED_AT = tag_of(click_pb2.Click, "link_created_at")
_SESSION_LINK = tag_of(session_pb2.Session, "link")
_SESSION_PROFILE = tag_of(session_pb2.Session, "profile")


class LiveLink:
    """A link, ready to be clicked: `kept` is its record as it is in the store."""

    __slots__ = ("click_head", "is_disabled", "kept", "known", "session_head")

    def __init__(self, key: LinkKey, kept: bytes, record: LinkRecord, known: KnownTemplate) -> None:
        self.kept = kept
        self.known = known
        self.is_disabled = record.is_disabled
        link_id = id_of(key)
        # Serialized messages may be concatenated: that merges them. So a click is these bytes and its own.
        self.click_head = b"".join(
            (
                known.click_part,
                text(_LINK, link_id),
                text(_PROFILE, record.profile),
                delimited(_LINK_CREATED_AT, _timestamp(record.created_seconds)),
            )
        )
        self.session_head = known.session_part + text(_SESSION_LINK, link_id) + text(_SESSION_PROFILE, record.profile)

    def is_gone(self, received_at: Timestamp) -> bool:
        """Tell whether it was expired or disabled for a hit of this time."""
        if self.is_disabled:
            return True
        expires_at = self.known.template.expires_at
        return expires_at is not None and clock.from_timestamp(received_at) >= expires_at


@lru_cache(maxsize=4_096)
def _timestamp(seconds: int) -> bytes:
    """Return a serialized time; links created together have one."""
    return Timestamp(seconds=seconds).SerializeToString()


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
            elif codes.is_well_formed(key.code):
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
        found: dict[LinkKey, LiveLink | ClicktrailError] = {}
        changed: dict[LinkKey, bytes] = {}
        for key, kept in zip(keys, await self._store.get_records(keys), strict=True):
            if kept is None:
                continue
            if isinstance(kept, ClicktrailError):
                if kept.reason is Reason.STORE_INCOMPLETE:
                    _incomplete.tell()
                found[key] = self._as_remembered(key, kept)
            elif (remembered := self._remembered.get(key)) is not None and remembered[1].kept == kept:
                found[key] = self._remember(key, remembered[1], read_at)
            else:
                changed[key] = kept
        if changed:
            found |= await self._make(changed, read_at)
        return found

    async def _make(self, kept: Mapping[LinkKey, bytes], read_at: float) -> dict[LinkKey, LiveLink | ClicktrailError]:
        """Make links out of their records, or tell why one cannot be made."""
        records = {key: record_from_bytes(content) for key, content in kept.items()}
        templates = await self._templates.read_apart(record.template_id for record in records.values())
        made: dict[LinkKey, LiveLink | ClicktrailError] = {}
        for key, record in records.items():
            known = templates.get(record.template_id)
            if isinstance(known, ClicktrailError):
                made[key] = self._as_remembered(key, known)
            elif known is None:
                log.error("a link has lost its template", template=template_id_text(record.template_id))
                made[key] = store_incomplete()
            else:
                made[key] = self._remember(key, LiveLink(key, kept[key], record, known), read_at)
        return made

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
