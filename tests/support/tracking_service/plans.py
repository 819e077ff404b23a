"""What PostgreSQL does for a query."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncpg

    Database = asyncpg.Connection[asyncpg.Record]


async def plan_of(database: "Database", query: str, *arguments: Any, most_rows: int) -> dict[str, Any]:
    """Return the plan of a query that was run, once it is clear that none of its steps visits more rows."""
    root: dict[str, Any] = json.loads(await database.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", *arguments))[
        0
    ]["Plan"]
    assert max(rows_visited(root)) <= most_rows, json.dumps(root, indent=1)
    return root


def rows_visited(node: dict[str, Any]) -> list[float]:
    """Return how many rows each step of a plan handed on or threw away, in all its loops."""
    thrown_away = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0)
    own = (node["Actual Rows"] + thrown_away) * node["Actual Loops"]
    return [own, *(rows for child in node.get("Plans", ()) for rows in rows_visited(child))]


def scans_of(node: dict[str, Any]) -> list[str]:
    """Return the kinds of all scans of a plan."""
    own = [node["Node Type"]] if "Scan" in node["Node Type"] and "Relation Name" in node else []
    return own + [kind for child in node.get("Plans", ()) for kind in scans_of(child)]
