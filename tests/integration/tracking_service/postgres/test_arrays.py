"""PostgreSQL takes packed texts apart."""

from typing import TYPE_CHECKING

import pytest

from tracking_service.postgres.arrays import packed_texts

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]


@pytest.mark.parametrize(
    "texts", [["a", "", None, "ü\ue000"], [""], [None], ["", ""], ["\x1f", "\x1e", None, "a\x1fb\x1e", ""]]
)
async def test_texts_arrive_as_they_were(database: "Database", texts: list[str | None]) -> None:
    """A single empty one and nulls among them."""
    assert await database.fetchval("SELECT texts($1)", packed_texts(texts)) == texts
