"""Creates, reads, changes and deletes connections."""

from collections.abc import Collection
from typing import NamedTuple

from common.clock import now
from common.errors import field_fault, invalid
from tracking_service.connections.connection import (
    CHANGEABLE,
    ShopConnection,
    WantedConnection,
    faults_of,
    new_id,
    new_secret,
    no_key,
    unknown_connection,
)
from tracking_service.connections.store import PostgresConnections
from tracking_service.key_ring import KeyRing, UnreadableSecret
from tracking_service.platforms.catalogue import PLATFORMS
from tracking_service.postgres.pages import Page

_OF_NEW = CHANGEABLE | {"platform", "source"}


class ShownConnection(NamedTuple):
    """A connection for whoever owns it; secret is there where we have just made it, and None else."""

    connection: ShopConnection
    secret: str | None = None
    has_readable_secret: bool = True


class Connections:
    """The connections of all businesses, by what a business may do with its own."""

    def __init__(self, store: PostgresConnections, key_ring: KeyRing) -> None:
        self._store = store
        self._key_ring = key_ring

    async def create(self, business_id: str, wanted: WantedConnection) -> ShownConnection:
        """Create a connection. Raises INVALID with every fault, `BUSINESS_UNKNOWN`, and `NOT_ALLOWED`."""
        if faults := list(faults_of(wanted, _OF_NEW)):
            raise invalid(faults)
        is_ours = wanted.secret is None and PLATFORMS[wanted.platform].makes_secret
        secret = new_secret() if is_ours else wanted.secret
        made = ShopConnection(
            id=new_id(),
            business_id=business_id,
            platform=wanted.platform,
            source=wanted.source or wanted.platform,
            name=wanted.name,
            mapping=wanted.mapping.decode() or None,
            secret=self._encrypted(secret) if secret else b"",
            is_enabled=wanted.enabled,
            created_at=now(),
        )
        await self._store.create(made)
        return ShownConnection(made, secret if is_ours else None)

    async def connection(self, business_id: str, connection_id: str) -> ShownConnection:
        """Return a connection. Raises `CONNECTION_UNKNOWN`."""
        return self._shown(await self._store.find(business_id, connection_id))

    async def page(self, business_id: str, page: Page) -> tuple[list[ShownConnection], bool]:
        """Return a page of connections, newest first, and whether there are more."""
        found, has_more = await self._store.page(business_id, page)
        return [self._shown(each) for each in found], has_more

    async def change(
        self, business_id: str, connection_id: str, wanted: WantedConnection, fields: Collection[str]
    ) -> ShownConnection:
        """Take over these fields; a secret that is replaced counts for a day more.

        Raises INVALID with every fault, `CONNECTION_UNKNOWN`, and `NOT_ALLOWED` where no secret can be kept.
        """
        faults = [field_fault(field, "cannot be changed.") for field in sorted(set(fields) - CHANGEABLE)]
        faults += faults_of(wanted, CHANGEABLE & set(fields))
        if "secret" in fields and wanted.secret is None:
            faults.append(field_fault("secret", "must be a text."))
        if faults:
            raise invalid(faults)
        before = await self._store.find(business_id, connection_id)
        if before is None:
            raise unknown_connection()
        if "secret" in fields and self._is_same(before.secret, wanted.secret):
            # As where a request is repeated: the secret before goes on counting.
            fields = set(fields) - {"secret"}
        secret = self._encrypted(wanted.secret or "") if "secret" in fields else before.secret
        after = ShopConnection(
            before.id, before.business_id, before.platform, before.source, wanted.name, before.mapping, secret,
            wanted.enabled, before.created_at,
        )  # fmt: skip
        return self._shown(await self._store.change(after, fields))

    async def delete(self, business_id: str, connection_id: str) -> None:
        """Delete a connection, with its hook. Raises `CONNECTION_UNKNOWN`."""
        if not await self._store.delete(business_id, connection_id):
            raise unknown_connection()

    def _shown(self, found: ShopConnection | None) -> ShownConnection:
        if found is None:
            raise unknown_connection()
        try:
            if found.secret:
                self._key_ring.decrypt(found.secret)
        except UnreadableSecret:
            return ShownConnection(found, has_readable_secret=False)
        return ShownConnection(found)

    def _is_same(self, kept: bytes, secret: str | None) -> bool:
        try:
            return bool(kept) and self._key_ring.decrypt(kept) == secret
        except UnreadableSecret:
            return False

    def _encrypted(self, secret: str) -> bytes:
        if not self._key_ring.has_keys:
            raise no_key()
        return self._key_ring.encrypt(secret)
