"""Which shard of Redis holds what: all that one operation touches lies in one shard."""

from zlib import crc32

from common.ids import SESSION_ALPHABET
from shortener_service.codes import SHORTEST

# Links share this many hashes: a million links lie 15 to a hash, and share the cost of its key. A hash stays packed up
# to 512 links, which is 33 million in all; beyond, a link takes about twice the memory.
BUCKETS = 0x10000


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


def bucket_of(code: str) -> int:
    """Return the bucket that a code lies in: the same one on every domain and at every length of one code.

    So one script can see all links that an external id may already have.
    """
    return crc32(code[:SHORTEST].encode()) % BUCKETS
