"""Writes links that were restored into Redis."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

from clicktrail.tracking.v1 import relay_service_pb2
from common.errors import Reason, not_allowed
from shortener_service.domains.store import copy_to_bytes
from shortener_service.errors import store_emptied
from shortener_service.links import codec
from shortener_service.links.link import Block, LinkKey, LinkRecord, key_from_id
from shortener_service.links.messages import template_of
from shortener_service.links.store import CHANGES_NAMED, bucket_of, field_of, template_key
from shortener_service.recovery.archive_client import Installation
from shortener_service.redis.client import CREATION_SECONDS, Command, RedisCalls, Script
from shortener_service.redis.keyspace import DOMAINS, REFUSED_HOSTS, SECRET, SHARDS, Keys
from shortener_service.refused_hosts.store import host_copy_to_bytes

_LINKS = Script(__package__, "restore_links.lua")
_REPLACE = Script(__package__, "replace_link.lua")
_INSTALLATION = Script(__package__, "restore_installation.lua")
_COMPLETE = Script(__package__, "complete_shard.lua")

# Which of the script's keys an entry goes into.
_DOMAIN, _REFUSED_HOST = 3, 4
# What a run remembers to have written; more are written again, which does no harm.
TEMPLATES_REMEMBERED = 100_000
LENGTHS_AT_ONCE = 4_096


class RestoredLink(NamedTuple):
    """A link as it is written again."""

    key: LinkKey
    record: LinkRecord
    template_bytes: bytes


def restored(copy: relay_service_pb2.LinkCopy) -> RestoredLink:
    """Return the link that a copy is of. Raises `ValueError` for a copy that is of none."""
    link = copy.link
    if not link.destination:
        raise ValueError("it leads nowhere")
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
        block=Block(link.blocked_at.seconds, link.blocked_reason) if link.HasField("blocked_at") else None,
    )
    return RestoredLink(key_from_id(link.id), record, content)


def _origin(copy: relay_service_pb2.LinkCopy, content: bytes) -> bytes:
    """Return the first template's id; a change of something else left the present one."""
    if not copy.origin_template:
        return codec.template_id_of(content)
    return codec.template_id_from_text(copy.origin_template)


class RedisRestore:
    """One restore, by one process; others that run at the same time do the same work under the same marks."""

    def __init__(self, calls: RedisCalls, keys: Keys, marks: Sequence[bytes]) -> None:
        self._calls = calls
        self._keys = keys
        self._marks = marks
        self._templates: set[bytes] = set()

    @classmethod
    async def begin(cls, calls: RedisCalls, keys: Keys) -> "RedisRestore":
        """Mark each shard as being restored, or join the restore that has marked it."""
        mark = secrets.token_bytes(16)
        replies = await calls.run(
            [command for key in keys.restores for command in (("SET", key, mark, "NX"), ("GET", key))]
        )
        count = keys.shards.count
        _, kept = await calls.run([("SET", SHARDS, count, "NX"), ("GET", SHARDS)])
        if int(kept) != count:
            raise not_allowed(Reason.NOT_ALLOWED, f"Redis holds data in {int(kept)} shards, not in {count}.")
        return cls(calls, keys, replies[1::2])

    async def keep_installation(self, installation: Installation) -> None:
        """Write the secret, if it is given, and the domains and refused hosts that are not there."""
        entries: list[str | bytes | int] = []
        for domain in installation.domains:
            entries += (_DOMAIN, domain.domain.name, copy_to_bytes(domain))
        for host in installation.refused_hosts:
            entries += (_REFUSED_HOST, host.host.name, host_copy_to_bytes(host))
        keys = [self._keys.restores[0], SECRET, DOMAINS, REFUSED_HOSTS]
        await self._run([_INSTALLATION.call(keys, (self._marks[0], installation.secret, *entries))])

    async def secret(self) -> bytes:
        """Return the secret that is there, or one made now."""
        _, secret = await self._calls.run([("SET", SECRET, secrets.token_bytes(32), "NX"), ("GET", SECRET)])
        return bytes(secret)

    async def write(self, links: Sequence[RestoredLink]) -> int:
        """Write links that are not there, or there in an earlier revision; return how many."""
        await self._write_templates(links)
        by_shard: dict[int, list[tuple[RestoredLink, str]]] = {}
        for link in links:
            shard, bucket = self._keys.bucket(bucket_of(link.key.code))
            by_shard.setdefault(shard, []).append((link, bucket))
        replies = await self._run([self._writing(shard, members) for shard, members in by_shard.items()])
        written = 0
        for (shard, members), (new, *others) in zip(by_shard.items(), replies, strict=True):
            written += new
            for at, kept in zip(others[::2], others[1::2], strict=True):
                link, bucket = members[at]
                written += await self._replace(shard, link, bucket, kept)
        return written

    async def complete(self, *, is_marked: bool) -> None:
        """Set the counters of links right, and mark all shards, unless they are marked already."""
        generation = b"" if is_marked else hashlib.sha256(b"".join(self._marks)).hexdigest()[:32].encode()
        lengths = [await self._links_in(shard) for shard in range(self._keys.shards.count)]
        await self._run(
            [
                _COMPLETE.call(
                    [self._keys.restores[shard], self._keys.counters[shard], self._keys.markers[shard]],
                    (self._marks[shard], length, generation),
                )
                for shard, length in enumerate(lengths)
            ]
        )

    def _writing(self, shard: int, members: Sequence[tuple[RestoredLink, str]]) -> Command:
        keys = [self._keys.restores[shard], *(bucket for _, bucket in members)]
        arguments: list[str | bytes | int] = [self._marks[shard]]
        for link, _ in members:
            arguments += (field_of(link.key), codec.record_to_bytes(link.record))
        return _LINKS.call(keys, arguments)

    async def _write_templates(self, links: Sequence[RestoredLink]) -> None:
        contents = {link.record.template_id: link.template_bytes for link in links}
        new = {identifier: content for identifier, content in contents.items() if identifier not in self._templates}
        await self._calls.run([("SET", template_key(self._keys, key), content, "NX") for key, content in new.items()])
        if len(self._templates) > TEMPLATES_REMEMBERED:
            self._templates.clear()
        self._templates |= set(new)

    async def _replace(self, shard: int, link: RestoredLink, bucket: str, kept: bytes) -> int:
        """Replace what is there where the copy is later; what is changed meanwhile is later still."""
        there = codec.record_from_bytes(kept)
        # Of another time of creation: another link, where a code was lost and given out again.
        if link.record.revision <= there.revision or link.record.created_seconds != there.created_seconds:
            return 0
        record = codec.record_to_bytes(link.record)
        arguments = (self._marks[shard], field_of(link.key), kept, record, CHANGES_NAMED)
        keys = [self._keys.restores[shard], bucket, self._keys.changes[shard]]
        (reply,) = await self._run([_REPLACE.call(keys, arguments)])
        return int(reply)

    async def _links_in(self, shard: int) -> int:
        keys = self._keys.buckets(shard)
        found = 0
        for start in range(0, len(keys), LENGTHS_AT_ONCE):
            piece = keys[start : start + LENGTHS_AT_ONCE]
            # One question for all of them: a new installation has none. A slot on its way between servers answers
            # nothing to many keys at once.
            if await self._calls.run_leniently([("EXISTS", *piece)], within_seconds=CREATION_SECONDS) != [0]:
                commands = [("HLEN", key) for key in piece]
                found += sum(await self._calls.run(commands, within_seconds=CREATION_SECONDS))
        return found

    async def _run(self, commands: Sequence[Command]) -> list[Any]:
        replies = await self._calls.run(commands, within_seconds=CREATION_SECONDS)
        if b"EMPTIED" in replies:
            raise store_emptied()
        return replies
