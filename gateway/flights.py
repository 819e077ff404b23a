"""Carries hits and events to their services, flight by flight."""

from collections.abc import Sequence

from clicktrail.shortener.v1 import redirect_service_pb2 as redirect
from clicktrail.tracking.v1 import event_pb2, event_service_pb2
from gateway.clients import Services
from gateway.streamed import Streamed

_REDIRECTS = redirect.DESCRIPTOR.services_by_name["RedirectService"].methods_by_name
_EVENTS = event_service_pb2.DESCRIPTOR.services_by_name["EventService"].methods_by_name


class RedirectFlights:
    """Carries hits to the shortener; none takes longer than so many seconds."""

    def __init__(self, services: Services, longest_seconds: float) -> None:
        one, many = _REDIRECTS["ResolveFlight"], _REDIRECTS["ResolveFlights"]
        self._resolve = Streamed(services.method(one), services.streams(many, one), longest_seconds)

    async def __call__(self, hits: Sequence[redirect.Hit], seconds: float) -> Sequence[redirect.Outcome]:
        """Resolve a flight of hits."""
        response: redirect.ResolveFlightResponse = await self._resolve(
            redirect.ResolveFlightRequest(hits=hits), seconds
        )
        return response.outcomes


class EventFlights:
    """Carries events to tracking; none takes longer than so many seconds."""

    def __init__(self, services: Services, longest_seconds: float) -> None:
        one, many = _EVENTS["TrackEvents"], _EVENTS["TrackBatches"]
        self._track = Streamed(services.method(one), services.streams(many, one), longest_seconds)

    async def __call__(
        self, submissions: Sequence[event_pb2.Submission], seconds: float
    ) -> Sequence[event_pb2.Receipt]:
        """Record a flight of events."""
        response: event_service_pb2.TrackEventsResponse = await self._track(
            event_service_pb2.TrackEventsRequest(submissions=submissions), seconds
        )
        return response.receipts
