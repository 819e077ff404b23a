"""Links are spread over buckets, and these over shards."""

import pytest

from shortener_service.redis.keyspace import BUCKETS, Keys, Shards


@pytest.mark.parametrize("count", [1, 3, 16])
def test_every_bucket_is_in_the_shard_that_lists_it(count: int) -> None:
    """And in no other."""
    keys = Keys(Shards(count))
    listed = [(shard, key) for shard in range(count) for key in keys.buckets(shard)]
    assert sorted(listed) == sorted(keys.bucket(bucket) for bucket in range(BUCKETS))
