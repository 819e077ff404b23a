"""The keys, and the shards that they are spread over.

Each key carries its shard as a hash tag, so that a cluster keeps a shard's keys together.
"""

from zlib import crc32

from common.ids import SESSION_ALPHABET

# Links share this many hashes: a million links lie 15 to a hash, and share the cost of its key. A hash stays packed up
# to 512 links, which is 33 million in all; beyond, a link takes about twice the memory.
BUCKETS = 0x10000

SECRET = "{0}:secret"  # noqa: S105  (the name of a key)
DOMAINS = "{0}:domains"
BUSINESSES = "{0}:businesses"
REFUSED_HOSTS = "{0}:refused_hosts"
SHARDS = "{0}:shards"
FORMAT = "{0}:format"


class Shards:
    """The shards 0 to count - 1. The count is fixed for the life of a store's data."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._by_character = {character: at % count for at, character in enumerate(SESSION_ALPHABET)}

    def of_nonce(self, nonce: bytes) -> int:
        """Return the shard of the session that a nonce stands for, without making the session."""
        return nonce[0] % len(SESSION_ALPHABET) % self.count

    def of_session(self, session: str) -> int:
        """Return the shard of a session of ours."""
        return self._by_character[session[0]]

    def of_template(self, template_id: bytes) -> int:
        """Return the shard of a template."""
        return template_id[0] % self.count

    def of_bucket(self, bucket: int) -> int:
        """Return the shard of a bucket of links."""
        return bucket % self.count

    def buckets_of(self, shard: int) -> range:
        """Return the buckets of links in a shard."""
        return range(shard, BUCKETS, self.count)


class Keys:
    """The keys of a store with so many shards."""

    def __init__(self, shards: Shards) -> None:
        self.shards = shards
        self.outboxes = [f"{{{shard}}}:outbox" for shard in range(shards.count)]
        self.counts = [f"{{{shard}}}:counts" for shard in range(shards.count)]
        """How many entries of an outbox businesses hold beyond half of its room."""
        self.markers = [f"{{{shard}}}:complete" for shard in range(shards.count)]
        self.restores = [f"{{{shard}}}:restore" for shard in range(shards.count)]
        self.counters = [f"{{{shard}}}:links" for shard in range(shards.count)]
        self.changes = [f"{{{shard}}}:changes" for shard in range(shards.count)]
        self._sessions = [f"{{{shard}}}:s:" for shard in range(shards.count)]
        self._rates = [f"{{{shard}}}:rate:" for shard in range(shards.count)]

    def rate(self, budget: str) -> str:
        """Return the key of what gateways were asked for of a budget."""
        return self._rates[crc32(budget.encode()) % self.shards.count] + budget

    def bucket(self, bucket: int) -> tuple[int, str]:
        """Return the shard and key of the hash of a bucket of links."""
        shard = self.shards.of_bucket(bucket)
        return shard, f"{{{shard}}}:l:{bucket:x}"

    def buckets(self, shard: int) -> list[str]:
        """Return the keys of all hashes of links in a shard."""
        return [f"{{{shard}}}:l:{bucket:x}" for bucket in self.shards.buckets_of(shard)]

    def template(self, template_id: bytes, text: str) -> str:
        """Return the key of a template, by its id and by that as text."""
        return f"{{{self.shards.of_template(template_id)}}}:t:{text}"

    def session(self, session: str) -> str:
        """Return the key of a fresh session."""
        return self._sessions[self.shards.of_session(session)] + session
