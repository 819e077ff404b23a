"""The list of hosts that no link may lead to: what is on it, and changes of it."""

import re
from collections.abc import Callable
from dataclasses import replace

from clicktrail.shortener.v1.refused_host_service_pb2 import RefusedHost as RefusedHostMessage
from common import clock
from common.errors import ClicktrailError, Reason, invalid_field, not_allowed, not_found
from common.field_rules import rules
from shortener_service import destinations
from shortener_service.errors import CONTESTED_ATTEMPTS, contested
from shortener_service.freshly_read import FreshlyRead
from shortener_service.refused_hosts.refused_host import HostSet, RefusedHost
from shortener_service.refused_hosts.store import RedisRefusedHostStore, RefusedHostCopy, host_copy_from_bytes

# All of them are held in memory, and read every few seconds.
MOST_HOSTS = 10_000
LONGEST_REASON = rules(RefusedHostMessage, "reason").max_length

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class RefusedHosts:
    """The list, read as a whole and remembered for 5 seconds; `changed` is told of each change."""

    def __init__(self, store: RedisRefusedHostStore, changed: Callable[[], None]) -> None:
        self._store = store
        self._changed = changed
        self._copies: dict[bytes, RefusedHostCopy] = {}
        self._listed: dict[str, RefusedHost] = {}
        self._fresh = FreshlyRead(self._read, HostSet())

    async def current(self) -> HostSet:
        """Return the hosts on the list, at most 5 seconds old; the same object for as long as they are the same."""
        return await self._fresh.current()

    async def refuse(self, text: str, reason: str) -> RefusedHost:
        """Put a host on the list, or give one that is there another reason."""
        name = _name_of(text)
        check_reason(reason)
        for _ in range(CONTESTED_ATTEMPTS):
            old = (await self._reread()).get(name)
            if old is not None and old.reason == reason:
                return old
            if old is None and len(self._listed) >= MOST_HOSTS:
                raise not_allowed(Reason.NOT_ALLOWED, f"The list has at most {MOST_HOSTS:,} hosts.", "name")
            host = replace(old, reason=reason) if old else RefusedHost(name, clock.now(), reason)
            if await self._put(host):
                return host
        raise contested("This host")

    async def allow(self, text: str) -> None:
        """Take a host from the list."""
        name = _name_of(text)
        for _ in range(CONTESTED_ATTEMPTS):
            host = (await self._reread()).get(name)
            if host is None:
                raise not_found(Reason.HOST_UNKNOWN, f"The host {name} is not refused.", "name")
            if await self._put(host, is_removed=True):
                return
        raise contested("This host")

    async def all(self) -> list[RefusedHost]:
        """Return what is on the list, by name."""
        return sorted((await self._reread()).values(), key=lambda host: host.name)

    async def _put(self, host: RefusedHost, *, is_removed: bool = False) -> bool:
        is_put = await self._store.put(host, is_removed=is_removed)
        if is_put:
            self._changed()
            await self._fresh.refresh()
        return is_put

    async def _reread(self) -> dict[str, RefusedHost]:
        await self._fresh.refresh()
        return self._listed

    async def _read(self) -> HostSet:
        contents = await self._store.contents()
        known = self._copies
        if len(contents) == len(known) and all(map(known.__contains__, contents)):
            return self._fresh.value
        # Only what is new is parsed: redirects wait meanwhile.
        self._copies = {content: known.get(content) or host_copy_from_bytes(content) for content in contents}
        self._listed = {copy.host.name: copy.host for copy in self._copies.values() if not copy.is_removed}
        return HostSet(self._listed)


def check_reason(reason: str) -> None:
    """Raise what is wrong with an operator's reason."""
    if len(reason) > LONGEST_REASON or _CONTROL.search(reason):
        raise invalid_field("reason", f"takes at most {LONGEST_REASON} characters, none of them a control character.")


def _name_of(text: str) -> str:
    try:
        return destinations.host_named(text)
    except destinations.UnacceptableAddressError:
        raise _no_host() from None


def _no_host() -> ClicktrailError:
    return invalid_field("name", "is not a host, such as example.com or 192.0.2.1; its subdomains are refused with it.")
