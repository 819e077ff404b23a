"""Remembers links, so that most redirects read nothing, and hears of every change of one."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp

from clicktrail.shortener.v1 import session_pb2
from clicktrail.tracking.v1 import click_pb2
from common import clock
from common.errors import ClicktrailError, Reason
from common.logging import get_logger
from common.rare_warnings import RareWarning
from shortener_service.errors import store_incomplete
from shortener_service.links import codes
from shortener_service.links.codec import record_from_bytes, template_id_text
from shortener_service.links.link import LinkKey, LinkRecord, id_of
from shortener_service.links.store import RedisLinkStore, bucket_of
from shortener_service.links.templates import KnownTemplate, Templates
from shortener_service.protobuf_wire import delimited, tag_of, text
from shortener_service.redirects.store import ANY, News, RedisChanges
from shortener_service.redis.keyspace import Shards
from shortener_service.refused_hosts.refused_host import HostSet

log = get_logger(__name__)

# What was read so lately holds, whether changes are told or not.
FRESH_SECONDS = 5.0
# How often to ask what was changed. No redirect waits for it: an answer counts for as long as a link that was read.
ASK_SECONDS = 1.0
# What was read before that is read again, told or not: a store may have been changed by other means than ours.
TRUST_SECONDS = 600.0
ASKING = "asking for changed links"
# Redis may be emptied while we run, which shows nowhere else.
_incomplete = RareWarning(log, "redis is not complete: unknown codes answer 503 until `clicktrail restore`")

# No reading of links takes longer: what was told to be changed so long ago was told before any that is under way.
LONGEST_READ_SECONDS = 10.0

_LINK = tag_of(click_pb2.Click, "link")
_PROFILE = tag_of(click_pb2.Click, "profile")
_LINK_CREATED_AT = tag_of(click_pb2.Click, "link_created_at")
_SESSION_LINK = tag_of(session_pb2.Session, "link")
_SESSION_PROFILE = tag_of(session_pb2.Session, "profile")


class LinkChanges:
    """Asks for the changes while links are clicked, and passes each on to `changed`."""

    def __init__(
        self, read_changes: Callable[[], Awaitable[Sequence[News]]], shards: int, changed: Callable[[LinkKey], None]
    ) -> None:
        self._read_changes = read_changes
        self._changed = changed
        # Since when the changes of a shard are told without a gap; infinite where they cannot be told now.
        self._since = [math.inf] * shards
        self._asked_at = -math.inf
        self._told_at = -math.inf
        self._has_failed = False
        self._asking: asyncio.Task[None] | None = None

    def refresh_if_due(self, now: float) -> None:
        """Begin to ask for changes, unless that was done less than `ASK_SECONDS` ago or is under way."""
        if now >= self._asked_at + ASK_SECONDS and self._asking is None:
            self._asking = asyncio.create_task(self._ask(now), name=ASKING)

    def trusted_since(self, now: float) -> list[float]:
        """Return for each shard from when on what was read of its links holds."""
        recent = now - FRESH_SECONDS
        if self._told_at <= recent:
            return [recent] * len(self._since)
        longest = now - TRUST_SECONDS
        return [max(longest, min(recent, since)) for since in self._since]

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self, asked_at: float) -> None:
        self._asked_at = asked_at
        try:
            self._hear(await self._read_changes(), asked_at)
        except ClicktrailError:
            # Reading links tells of it. What holds is what was told before, for as long as that counts.
            self._has_failed = True
        except Exception:
            self._has_failed = True
            log.exception("changed links cannot be read")
        finally:
            self._asking = None

    def _hear(self, news: Sequence[News], asked_at: float) -> None:
        # Between the question and the answer a link may have been read, and then changed.
        answered_at = time.monotonic()
        # Meanwhile a store may have been lost and restored, and its changes have come to the same number again.
        is_late = self._has_failed or asked_at - self._told_at > FRESH_SECONDS
        for shard, changed in enumerate(news):
            if isinstance(changed, ClicktrailError):
                self._since[shard] = math.inf
                continue
            for key in changed or ():
                self._changed(key)
            if changed is ANY or is_late or self._since[shard] == math.inf:
                self._since[shard] = answered_at
        self._told_at = asked_at
        self._has_failed = False


class LiveLink:
    """A link, ready to be clicked: `kept` is its record as it was in the store when it was read."""

    __slots__ = ("click_head", "is_disabled", "is_marked", "kept", "known", "read_at", "session_head", "shard")

    def __init__(self, key: LinkKey, shard: int, kept: bytes, record: LinkRecord, known: KnownTemplate) -> None:
        self.shard = shard
        self.read_at = -math.inf
        self.kept = kept
        self.known = known
        self.is_disabled = record.is_disabled
        self.is_marked = record.block is not None
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

    def is_blocked(self, refused: HostSet) -> bool:
        """Tell whether the operator has blocked it, or refuses the host that it leads to."""
        return self.is_marked or self.known.is_refused(refused)

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
    """Reads links by the batch, and remembers each until a change of it is told; while the store is away, longer."""

    def __init__(
        self, store: RedisLinkStore, templates: Templates, changes: RedisChanges, shards: Shards, limit: int
    ) -> None:
        self._store = store
        self._templates = templates
        self._shards = shards
        self._limit = limit
        self._remembered: dict[LinkKey, LiveLink] = {}
        self._changes = LinkChanges(changes.read, shards.count, self.forget)
        # When a link was forgotten, the latest ones: a reading that began before may bring it as it was.
        self._forgotten: dict[LinkKey, float] = {}

    async def read(self, keys: Iterable[LinkKey]) -> dict[LinkKey, LiveLink | ClicktrailError]:
        """Return links by key, or why it cannot be told whether there is one.

        One that does not exist is left out; it is asked for again at the next hit.
        """
        now = time.monotonic()
        self._changes.refresh_if_due(now)
        trusted_since = self._changes.trusted_since(now)
        links: dict[LinkKey, LiveLink | ClicktrailError] = {}
        missing: list[LinkKey] = []
        for key in set(keys):
            remembered = self._remembered.get(key)
            if remembered is not None and remembered.read_at > trusted_since[remembered.shard]:
                links[key] = remembered
            elif codes.is_well_formed(key.code):
                missing.append(key)
        if missing:
            try:
                links |= await self._fetch(missing)
            except ClicktrailError as error:
                links |= {key: self._as_remembered(key, error) for key in missing}
        return links

    def forget(self, key: LinkKey) -> None:
        """Read a link again at its next hit: it was changed."""
        now = time.monotonic()
        self._remembered.pop(key, None)
        self._forgotten.pop(key, None)
        self._forgotten[key] = now
        while self._forgotten[first := next(iter(self._forgotten))] < now - LONGEST_READ_SECONDS:
            del self._forgotten[first]

    async def close(self) -> None:
        """Ask for no more changes."""
        await self._changes.close()

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
            elif (remembered := self._remembered.get(key)) is not None and remembered.kept == kept:
                found[key] = self._remember(key, remembered, read_at)
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
                shard = self._shards.of_bucket(bucket_of(key.code))
                made[key] = self._remember(key, LiveLink(key, shard, kept[key], record, known), read_at)
        return made

    def _as_remembered(self, key: LinkKey, error: ClicktrailError) -> LiveLink | ClicktrailError:
        """Return what is remembered of a link: that goes on while its server is away, or is being restored."""
        return self._remembered.get(key, error)

    def _remember(self, key: LinkKey, link: LiveLink, read_at: float) -> LiveLink:
        if read_at <= self._forgotten.get(key, -math.inf):
            return link
        link.read_at = read_at
        # Taken out first, so that the order is that of reading and the oldest is the first.
        self._remembered.pop(key, None)
        self._remembered[key] = link
        if len(self._remembered) > self._limit:
            del self._remembered[next(iter(self._remembered))]
        return link
