"""What the hits of one flight leave behind, written as it is delivered: clicks, and their sessions."""

from clicktrail.shortener.v1 import redirect_service_pb2 as pb
from clicktrail.shortener.v1 import session_pb2
from clicktrail.tracking.v1 import click_pb2, relay_service_pb2
from common import clock
from common.ids import uuid7_bytes
from shortener_service.live_links import LiveLink
from shortener_service.protobuf_wire import delimited, tag_of, text
from shortener_service.visits import Visit

_CLICK = tag_of(relay_service_pb2.DeliverRequest, "clicks")
_ID = tag_of(click_pb2.Click, "id")
_CLICKED_AT = tag_of(click_pb2.Click, "clicked_at")
_SESSION = tag_of(click_pb2.Click, "session")
_ADDRESS = tag_of(click_pb2.Click, "address")
_CREATED_AT = tag_of(session_pb2.Session, "created_at")


class Flight:
    """The clicks of one shard, for the outbox, and their sessions."""

    __slots__ = ("_clicks", "positions", "sessions")

    def __init__(self) -> None:
        self._clicks: list[bytes] = []
        self.sessions: dict[str, bytes] = {}
        self.positions: list[int] = []

    @property
    def delivery(self) -> bytes:
        """Return the clicks as a serialized `DeliverRequest`."""
        return b"".join(self._clicks)

    def add(self, position: int, hit: pb.Hit, link: LiveLink, visit: Visit, session: str) -> None:
        """Add a hit's click, and its session if it has one."""
        self.positions.append(position)
        received_at = hit.received_at
        time = received_at.SerializeToString()
        click = (
            link.click_head
            + visit.fields
            + delimited(_ID, uuid7_bytes(clock.stamp_milliseconds(received_at), hit.nonce[40:]))
            + delimited(_CLICKED_AT, time)
            + text(_ADDRESS, hit.address)
        )
        if session:
            click += text(_SESSION, session)
            self.sessions[session] = link.session_head + delimited(_CREATED_AT, time)
        self._clicks.append(delimited(_CLICK, click))
