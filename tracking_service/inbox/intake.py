"""Proves what platforms send, and puts it into the form in which it is kept."""

import json
from collections.abc import Iterator

from common.errors import Reason, unavailable
from common.ids import new_uuid7
from tracking_service.identity.contacts import contact_of
from tracking_service.identity.evidence import Identity
from tracking_service.identity.statement_store import identity_hash
from tracking_service.inbox.delivery import Hook, PlatformDelivery, shop_of
from tracking_service.key_ring import KeyRing, UnreadableSecret
from tracking_service.platforms.catalogue import PLATFORMS
from tracking_service.platforms.platform import ErasureRequest, Fact, HookRequest


class Proof:
    """Tells whether a platform has sent something; session_parameters are the names that carry the session."""

    def __init__(self, key_ring: KeyRing, session_parameters: tuple[str, ...]) -> None:
        self._key_ring = key_ring
        self._session_parameters = session_parameters

    def is_signed(self, hook: Hook, request: HookRequest) -> bool:
        """Tell whether one of a hook's secrets signed a delivery.

        Raises UNAVAILABLE where none did and one cannot be read: with the key it was encrypted by it can be judged.
        """
        platform, shop = PLATFORMS[hook.platform], shop_of(hook, self._session_parameters)
        is_judged = True
        for kept in hook.secrets(request.received_at):
            try:
                if platform.is_signed(request, self._key_ring.decrypt(kept), shop):
                    return True
            except UnreadableSecret:
                is_judged = False
        if not is_judged:
            raise unavailable(Reason.STORE_DOWN, "This hook cannot be judged at the moment.")
        return False

    def delivery_of(self, hook: Hook, request: HookRequest) -> PlatformDelivery:
        """Return a delivery as it is kept."""
        return PlatformDelivery(
            id=new_uuid7(request.received_at),
            business_id=hook.business_id,
            connection_id=hook.id,
            received_at=request.received_at,
            topic=PLATFORMS[hook.platform].topic(request).replace("\0", "")[:200],
            # As ASCII: PostgreSQL keeps no NUL and no half of a pair.
            headers=json.dumps(dict(request.headers)),
            query=json.dumps(dict(request.query)),
            body=request.body,
            people=sorted(set(self._people(hook, request))),
        )

    def _people(self, hook: Hook, request: HookRequest) -> Iterator[bytes]:
        """Yield the hashes of all that people in a delivery go by, so that an erasure finds it."""
        try:
            told = PLATFORMS[hook.platform].read(request, shop_of(hook, self._session_parameters))
        except Exception:  # noqa: BLE001  (what cannot be read is kept, and told of where it is settled)
            return
        for customer in [each.customer for each in told if isinstance(each, Fact | ErasureRequest)]:
            contact = contact_of(hook.business_id, hook.country, customer.email, customer.phone)
            yield from filter(None, contact)
            if customer.id:
                yield identity_hash(Identity(hook.source, customer.id))
