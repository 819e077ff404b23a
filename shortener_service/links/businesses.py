"""Which businesses there are: a link of one that there is not would gather clicks that no report shows."""

from shortener_service.links.business_store import RedisBusinesses
from shortener_service.token_client import BusinessAccounts


class Businesses:
    """Remembers those that tracking has told of, here and in Redis: none is ever removed."""

    def __init__(self, store: RedisBusinesses, accounts: BusinessAccounts) -> None:
        self._store = store
        self._accounts = accounts
        self._known: set[str] = set()

    async def has(self, business_id: str) -> bool:
        """Tell whether there is a business. Raises UNAVAILABLE where one is not known yet and tracking is away."""
        if business_id in self._known:
            return True
        if not await self._store.has(business_id):
            if not await self._accounts.has(business_id):
                return False
            await self._store.add(business_id)
        self._known.add(business_id)
        return True
