"""Collects the figures, writes them as JSON and shows them as a table."""

import json
import os
import platform
import statistics
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

GOALS: dict[str, tuple[str, str, str]] = {
    "redirect_vs_nginx_lua": ("redirects/s against nginx + Lua on the same Redis work", "≥ 0.7", "1.0"),
    "redirect_vs_fastapi": ("redirects/s against FastAPI with an INSERT each", "≥ 8", "12"),
    "redirect_vs_unbatched": ("redirects/s against flights of one", "", ""),
    "two_workers_vs_one": ("redirects/s of two workers each on two processors against one each on one", "", ""),
    "cpu_us_per_redirect": ("CPU of a redirect: gateway, shortener, Redis (µs)", "≤ 70", "55"),
    "cpu_us_per_click_stored": ("CPU of a click from the outbox to its counters (µs)", "≤ 60", "40"),
    "p99_ratio_at_half_load": ("p99 at half of the peak, against nginx + Lua at that rate", "≤ 2", "1.3"),
    "events_vs_copy": ("events/s through TrackEvents against COPY", "≥ 0.25", "0.4"),
    "posts_vs_insert": ("single POSTs/s of events against an INSERT each", "≥ 5", "8"),
    "bulk_links_vs_set": ("links/s through CreateLinks against pipelined SETs", "≥ 0.3", "0.6"),
    "bytes_per_link": ("Redis memory per link (bytes)", "≤ 120", ""),
    "click_to_report_p99_s": ("click to report at half of the peak, p99 (s)", "< 1", "0.2"),
    "report_ms_10m": ("report of the larger campaign (ms)", "< 20", "5"),
    "report_ratio_10m_100k": ("its time against that of the smaller one", "≈ 1", ""),
    "slowest_read_ms_10m": ("the slowest of its reports and lists (ms)", "< 20", ""),
    "largest_read_ratio_10m_100k": ("the worst of their times against the smaller campaign's", "≤ 1.5", ""),
}


class Results:
    """The figures of a run: `figures` by the keys above, `detail` of where they come from."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}
        self.detail: dict[str, object] = {}
        self.left_out: list[str] = []

    def write(self, path: Path) -> None:
        """Write them as JSON. What was not measured this time stays as the file has it, or is null."""
        before: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        content: dict[str, object] = {key: _rounded(self.figures.get(key, before.get(key))) for key in GOALS}
        content |= {
            "machine": machine(),
            "measured_at": before.get("measured_at", {}) | dict.fromkeys(self.figures, now),
            "left_out": self.left_out,
            "detail": before.get("detail", {}) | self.detail,
        }
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def table(self) -> str:
        """Return them as a table in Markdown."""
        rows = [
            f"| {name} | {_rounded(self.figures[key])} | {goal} | {stretch} |"
            for key, (name, goal, stretch) in GOALS.items()
            if key in self.figures
        ]
        return "\n".join(["| what | measured | goal | stretch |", "| --- | --- | --- | --- |", *rows])


def spread(values: Iterable[float]) -> dict[str, float]:
    """Return the median of values and how far they lie apart."""
    found = list(values)
    return {"median": statistics.median(found), "lowest": min(found), "highest": max(found)}


def machine() -> str:
    """Return what this ran on."""
    names = [line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")]
    return f"{os.cpu_count()} of {names[0] if names else platform.machine()}, Python {platform.python_version()}"


def _cpu_lines() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}") if abs(value) < 1000 else round(value)  # noqa: PLR2004  (three digits)
