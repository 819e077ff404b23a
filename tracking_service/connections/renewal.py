"""Encrypts kept secrets by the first key, so that those before can be dropped."""

import asyncio

from common.errors import ClicktrailError
from common.logging import get_logger
from tracking_service.connections.store import KeptSecrets, PostgresConnections
from tracking_service.key_ring import KeyRing, UnreadableSecret

log = get_logger(__name__)

PAGE = 500
PAUSE_SECONDS = 24 * 60 * 60.0
RETRY_SECONDS = 60.0


class SecretRenewal:
    """Renews the secrets of all connections at the start, as the key ring changes with one, and once a day."""

    def __init__(self, store: PostgresConnections, key_ring: KeyRing) -> None:
        self._store = store
        self._key_ring = key_ring

    async def run(self) -> None:
        """Renew until cancelled. What fails is tried again."""
        while True:
            try:
                await self.renew_all()
                pause = PAUSE_SECONDS
            except ClicktrailError as error:
                log.info("secrets wait to be renewed", reason=error.reason)
                pause = RETRY_SECONDS
            await asyncio.sleep(pause)

    async def renew_all(self) -> None:
        """Encrypt each secret that can be read by the first key."""
        renewed, unreadable, after = 0, 0, ""
        while page := await self._store.secrets_after(after, PAGE):
            for before in page:
                secret, previous = self._renewed(before.secret), self._renewed(before.previous_secret)
                unreadable += (secret is None) or (previous is None)
                # Each by itself: a secret that nobody can read any more is followed by one that has to last.
                now = KeptSecrets(before.id, secret or before.secret, previous or before.previous_secret)
                if now != before:
                    await self._store.renew(before, now)
                    renewed += 1
            after = page[-1].id
        if renewed:
            log.info("secrets are encrypted by the first key", connections=renewed)
        if unreadable:
            log.warning("secrets were encrypted by a key that is not there", connections=unreadable)

    def _renewed(self, kept: bytes | None) -> bytes | None:
        """Return a secret as the first key encrypts it, empty where there is none; None: no key reads it."""
        if not kept:
            return b""
        try:
            return self._key_ring.renewed(kept)
        except UnreadableSecret:
            return None
