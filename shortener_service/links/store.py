"""Keeps links and their templates in Redis."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from zlib import crc32

from common.errors import ClicktrailError
from shortener_service.errors import StoreRestored, outbox_full, store_incomplete
from shortener_service.links import codec, codes
from shortener_service.links.link import LinkKey, LinkRecord, Template
from shortener_service.redis.client import CREATION_SECONDS, Command, RedisCalls, Script
from shortener_service.redis.keyspace import BUCKETS, Keys

COUNT_SECONDS = 1.0
# So many of the links changed last a shard names; with their count they fit a packed hash. The same in every release
# that runs on a store, as the number of a change chooses its place among them.
CHANGES_NAMED = 256

_CREATE = Script(__package__, "create_links.lua", appends=True)
_CHANGE = Script(__package__, "change_link.lua", appends=True)


class Placing(NamedTuple):
    """A link to write where its code is free."""

    longest: str
    """The code at its full length."""
    shortest: int
    """From which length on a link of this code may exist already; equal to `length`: only there."""
    length: int
    """The length to write it at."""
    record: LinkRecord
    delivery: bytes
    """What the outbox gets if the link is new: a serialized `DeliverRequest`."""


class Found(NamedTuple):
    """A link that was there already."""

    key: LinkKey
    record: LinkRecord


def field_of(key: LinkKey) -> str:
    """Return a link's field in its hash."""
    return f"{key.domain}/{key.code}" if key.domain else key.code


def key_of(field: str) -> LinkKey:
    """Return the link that a field stands for."""
    domain, _, code = field.rpartition("/")
    return LinkKey(domain, code)


def bucket_of(code: str) -> int:
    """Return the bucket that a code lies in: the same one on every domain and at every length of one code.

    So one script can see all links that an external id may already have.
    """
    return crc32(code[: codes.SHORTEST].encode()) % BUCKETS


def template_key(keys: Keys, template_id: bytes) -> str:
    """Return the key of a template."""
    return keys.template(template_id, codec.template_id_text(template_id))


class RedisLinkStore:
    """Keeps links and templates."""

    def __init__(
        self, calls: RedisCalls, keys: Keys, *, outbox_limit_a_shard: int, appended: Callable[[int], None]
    ) -> None:
        self._calls = calls
        self._keys = keys
        self._limit = outbox_limit_a_shard
        self._appended = appended
        self._counts = [0] * keys.shards.count
        self._counted_at = -math.inf

    async def put_template(self, template: Template) -> bytes:
        """Keep a template and return its id. To be called before any link of it is created."""
        content = codec.template_to_bytes(template)
        template_id = codec.template_id_of(content)
        key = template_key(self._keys, template_id)
        _, kept = await self._calls.run([("SET", key, content, "NX"), ("GET", key)])
        if kept != content:
            raise RuntimeError(f"two templates have the id {codec.template_id_text(template_id)}")
        return template_id

    async def get_templates(self, ids: Sequence[bytes]) -> list[Template | ClicktrailError | None]:
        """Return templates, in order; None where one is not there, an error where that cannot be told."""
        contents = await self._calls.run_apart([("GET", template_key(self._keys, template_id)) for template_id in ids])
        return [codec.template_from_bytes(found) if isinstance(found, bytes) else found for found in contents]

    async def place(
        self,
        business_id: str,
        domain: str,
        other_domains: Sequence[str],
        placings: Sequence[Placing],
        generation: bytes,
    ) -> list[list[Found]]:
        """Write each link unless its code is taken, with its delivery in the outbox, and return in order what is there.

        An empty answer: written. Otherwise nothing was: the links found at any length asked for, on this domain and
        the other ones. Raises STORE_INCOMPLETE or OUTBOX_FULL, and then some of them may have been written;
        `StoreRestored` where the store is of another generation than the caller's secret.
        """
        prefixes = [field_of(LinkKey(name, "")) for name in (domain, *other_domains)]
        by_shard: dict[int, list[tuple[int, str]]] = {}
        for at, placing in enumerate(placings):
            shard, bucket = self._keys.bucket(bucket_of(placing.longest))
            by_shard.setdefault(shard, []).append((at, bucket))
        head: tuple[str | bytes | int, ...] = (self._limit, business_id, generation, len(prefixes), *prefixes)
        replies = await self._calls.run(
            [self._creation(shard, members, head, placings) for shard, members in by_shard.items()],
            within_seconds=CREATION_SECONDS,
        )
        found: list[list[Found]] = [[] for _ in placings]
        for (shard, members), reply in zip(by_shard.items(), replies, strict=True):
            _refuse_if_told_to(reply)
            self._counts[shard] = max(self._counts[shard], reply[0])
            self._appended(shard)
            for (at, _), answer in zip(members, reply[1:], strict=True):
                found[at] = [] if answer == 1 else _found(answer)
        return found

    async def get_records(self, keys: Sequence[LinkKey]) -> list[bytes | ClicktrailError | None]:
        """Return the records of links as written, in order; None where there is none, an error where it is not told."""
        places = [self._keys.bucket(bucket_of(key.code)) for key in keys]
        contents = await self._calls.run_apart(
            [("HGET", bucket, field_of(key)) for key, (_, bucket) in zip(keys, places, strict=True)]
        )
        if None in contents:
            missing = [at for at, content in enumerate(contents) if content is None]
            again = await self._look_again([(*places[at], field_of(keys[at])) for at in missing])
            for at, found in zip(missing, again, strict=True):
                contents[at] = found
        return contents

    async def change(self, business_id: str, key: LinkKey, old: LinkRecord, new: LinkRecord, delivery: bytes) -> bool:
        """Replace a record of a business and append its delivery, unless it is not the old one any more."""
        shard, bucket = self._keys.bucket(bucket_of(key.code))
        before, after = codec.record_to_bytes(old), codec.record_to_bytes(new)
        keys = [bucket, self._keys.outboxes[shard], self._keys.counts[shard], self._keys.changes[shard]]
        arguments = (self._limit, business_id, field_of(key), before, after, delivery, CHANGES_NAMED)
        reply = await self._calls.run_one(*_CHANGE.call(keys, arguments))
        _refuse_if_told_to(reply)
        self._appended(shard)
        return bool(reply)

    async def count_links(self) -> int:
        """Return how many links there are: at least as many as there were a second ago."""
        if time.monotonic() < self._counted_at + COUNT_SECONDS:
            return sum(self._counts)
        self._counted_at = time.monotonic()
        replies = self._calls.unless_all_failed(
            await self._calls.run_apart([("GET", key) for key in self._keys.counters])
        )
        self._counts = [
            known if isinstance(reply, ClicktrailError) else max(known, int(reply or 0))
            for known, reply in zip(self._counts, replies, strict=True)
        ]
        return sum(self._counts)

    async def _look_again(self, places: Sequence[tuple[int, str, str]]) -> list[bytes | ClicktrailError | None]:
        """Return what is in places (shard, hash, field) that seemed empty.

        Empty they are only where the shard was complete before and after, and not emptied and restored in between.
        """
        commands: list[Command] = []
        for shard, bucket, field in places:
            marker = ("GET", self._keys.markers[shard])
            commands += (marker, ("HGET", bucket, field), marker)
        replies = await self._calls.run_apart(commands)
        triples = zip(replies[::3], replies[1::3], replies[2::3], strict=True)
        return [
            found or (None if before and before == after else store_incomplete()) for before, found, after in triples
        ]

    def _creation(
        self,
        shard: int,
        members: Sequence[tuple[int, str]],
        head: Sequence[str | bytes | int],
        placings: Sequence[Placing],
    ) -> Command:
        keys = [
            self._keys.markers[shard],
            self._keys.outboxes[shard],
            self._keys.counts[shard],
            self._keys.counters[shard],
        ]
        arguments = list(head)
        for at, bucket in members:
            keys.append(bucket)
            link = placings[at]
            record = codec.record_to_bytes(link.record)
            arguments += (link.longest, link.shortest, link.length, record, link.delivery)
        return _CREATE.call(keys, arguments)


def _refuse_if_told_to(reply: Any) -> None:
    if reply == b"INCOMPLETE":
        raise store_incomplete()
    if reply == b"RESTORED":
        raise StoreRestored
    if reply == b"FULL":
        raise outbox_full()


def _found(answer: Sequence[bytes]) -> list[Found]:
    pairs = zip(answer[::2], answer[1::2], strict=True)
    return [Found(key_of(field.decode()), codec.record_from_bytes(content)) for field, content in pairs]
