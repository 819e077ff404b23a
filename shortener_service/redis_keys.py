"""The names of the keys. Each carries its shard as a hash tag, so that a cluster keeps a shard's keys together."""

from shortener_service.domain import LinkKey
from shortener_service.formats import template_id_text
from shortener_service.shards import BUCKETS, Shards, bucket_of

SECRET = "{0}:secret"  # noqa: S105  (the name of a key)
DOMAINS = "{0}:domains"
SHARDS = "{0}:shards"
FORMAT = "{0}:format"


class Keys:
    """The keys of a store with so many shards."""

    def __init__(self, shards: Shards) -> None:
        self.shards = shards
        self.outboxes = [f"{{{shard}}}:outbox" for shard in range(shards.count)]
        self.markers = [f"{{{shard}}}:complete" for shard in range(shards.count)]
        self.restores = [f"{{{shard}}}:restore" for shard in range(shards.count)]
        self.counters = [f"{{{shard}}}:links" for shard in range(shards.count)]
        self.changes = [f"{{{shard}}}:changes" for shard in range(shards.count)]
        self._sessions = [f"{{{shard}}}:s:" for shard in range(shards.count)]

    def bucket(self, code: str) -> tuple[int, str]:
        """Return the shard and key of the hash that links of this code are in."""
        bucket = bucket_of(code)
        shard = self.shards.of_bucket(bucket)
        return shard, f"{{{shard}}}:l:{bucket:x}"

    def buckets(self, shard: int) -> list[str]:
        """Return the keys of all hashes of links in a shard."""
        return [f"{{{shard}}}:l:{bucket:x}" for bucket in range(BUCKETS) if self.shards.of_bucket(bucket) == shard]

    def template(self, template_id: bytes) -> str:
        """Return the key of a template."""
        return f"{{{self.shards.of_template(template_id)}}}:t:{template_id_text(template_id)}"

    def session(self, session: str) -> str:
        """Return the key of a fresh session."""
        return self._sessions[self.shards.of_session(session)] + session


def field_of(key: LinkKey) -> str:
    """Return a link's field in its hash."""
    return f"{key.domain}/{key.code}" if key.domain else key.code


def key_of(field: str) -> LinkKey:
    """Return the link that a field stands for."""
    domain, _, code = field.rpartition("/")
    return LinkKey(domain, code)
