"""Judges hits again by the rules of now, piece by piece, while everything goes on."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime

from tracking_service.judgements.judgement import Hit, JudgedAgent, Progress, rejudged_of
from tracking_service.judgements.store import Place, PostgresJudgements
from tracking_service.shortener_client import ShortenerVerdicts

# Hits of one transaction, which nothing else is counted beside.
PIECE = 500


class Rejudgement:
    """Takes hits up again whose rules were older; each piece is whole, so that it can be broken off and repeated."""

    def __init__(
        self, store: PostgresJudgements, verdicts: ShortenerVerdicts, wake_attribution: Callable[[], None]
    ) -> None:
        self._store = store
        self._verdicts = verdicts
        self._wake_attribution = wake_attribution

    async def rejudge(self, business_id: str | None, from_at: datetime, *, is_dry: bool) -> AsyncIterator[Progress]:
        """Judge the hits of a business, or of all, from a time on; tell how far that is after each piece.

        Raises `BUSINESS_UNKNOWN`, and UNAVAILABLE where the shortener, whose rules these are, cannot be asked.
        """
        version, _ = await self._verdicts.judge([])
        progress = Progress(version, await self._store.kept_from())
        for business in await self._store.businesses(business_id):
            place: Place | None = Place.at(from_at)
            while place is not None:
                place = await self._rejudge_piece(business, place, progress, is_dry=is_dry)
                yield progress
        yield progress

    async def _rejudge_piece(self, business_id: str, place: Place, progress: Progress, *, is_dry: bool) -> Place | None:
        """Judge what follows a place, and return where to go on; None: it was the last."""
        hits = await self._store.hits(business_id, place, progress.rules_version, PIECE)
        if not hits:
            return None
        judged = await self._judge(hits)
        rejudged = rejudged_of(hits, judged)
        if rejudged and not is_dry:
            rejudged = await self._store.keep(business_id, place, progress.rules_version, hits, judged)
            self._wake_attribution()
        progress.add(len(hits), rejudged)
        return Place(hits[-1].clicked_at, hits[-1].id) if len(hits) == PIECE else None

    async def _judge(self, hits: Sequence[Hit]) -> Mapping[str, JudgedAgent]:
        agents = sorted({hit.user_agent for hit in hits})
        _, judged = await self._verdicts.judge(agents)
        return {agent: JudgedAgent(*each) for agent, each in zip(agents, judged, strict=True)}
