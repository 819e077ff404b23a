"""Events that are answered without ASGI, and those that are left to it, look the same from outside."""

import asyncio
import json
from typing import NamedTuple

import pytest

from clicktrail.tracking.v1.event_service_pb2 import TrackEventsRequest
from tests.integration.gateway.conftest import GatewayProcess
from tests.support.gateway.answers import raw
from tests.support.gateway.peer import LISTED, LISTED_ORIGIN, TOKEN
from tests.support.gateway.peers import Peers

PATH = "/v1/track/events"


class Answered(NamedTuple):
    """An answer: its status, the names of its headers and its body."""

    status: int
    headers: frozenset[str]
    body: dict[str, object]


def post(*, token: str = TOKEN, body: bytes = b"", session: str = "abcdefgh", **headers: str) -> bytes:
    """Return a POST of an event as it goes over the wire."""
    body = body or json.dumps({"action": "page.viewed", "session": session}).encode()
    told = {"Host": "x", "Authorization": f"Bearer {token}", "Content-Length": str(len(body))}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"POST {PATH} HTTP/1.1\r\n{lines}\r\n".encode() + body


def answers_in(text: bytes) -> list[Answered]:
    """Return the answers that came over one connection."""
    found = []
    while text:
        head, _, text = text.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = int(headers["content-length"])
        found.append(Answered(int(status.split()[1]), frozenset(headers), json.loads(text[:length])))
        text = text[length:]
    return found


async def answered(gateway: GatewayProcess, *requests: bytes) -> list[Answered]:
    """Send requests at once, and return their answers."""
    return answers_in(await raw(gateway.address, b"".join(requests)))


def sessions_in(peers: Peers) -> list[str]:
    """Return the sessions of the events that tracking got, in order."""
    calls = [call for call in peers.events.requests if isinstance(call, TrackEventsRequest)]
    return [submission.event.session for call in calls for submission in call.submissions]


async def test_answers_are_the_same_either_way(gateway: GatewayProcess) -> None:
    """The first credential is asked for, the next is remembered; the headers of their answers are the same."""
    answers = [(await answered(gateway, post(Connection="close")))[0] for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].headers == answers[1].headers >= {"x-request-id", "access-control-allow-origin", "date"}


async def test_many_at_once_are_answered_in_order(gateway: GatewayProcess, peers: Peers) -> None:
    """Whichever of them is taken at once."""
    await answered(gateway, post(Connection="close"))
    keys = [f"key-{number}" for number in range(5)]
    requests = [post(Idempotency_Key=key) for key in keys]
    faulty = post(body=b'{"action": 7}', Connection="close")
    answers = await answered(gateway, *requests, faulty)
    assert [answer.status for answer in answers] == [200] * 5 + [422]
    again = await answered(gateway, *requests, faulty)
    assert [answer.body for answer in again] == [answer.body for answer in answers]
    assert len(set(sessions_in(peers))) == 1


@pytest.mark.parametrize("pause", [0.05, 2.5])
async def test_a_body_may_take_its_time(gateway: GatewayProcess, pause: float) -> None:
    """Whether it is left to ASGI meanwhile or not."""
    await answered(gateway, post(Connection="close"))
    request = post(Connection="close")
    host, _, port = gateway.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for piece in (request[:-10], request[-10:-5], request[-5:]):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause)
    (answer,) = answers_in(await asyncio.wait_for(reader.read(-1), 120))
    writer.close()
    assert answer.status == 200


async def test_who_asks_whether_to_go_on_is_told(gateway: GatewayProcess) -> None:
    """Also where the credential is remembered."""
    await answered(gateway, post(Connection="close"))
    host, _, port = gateway.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head, _, body = post(Connection="close", Expect="100-continue").partition(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 120) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    (answer,) = answers_in(await asyncio.wait_for(reader.read(-1), 120))
    writer.close()
    assert answer.status == 200


async def test_a_pages_origin_is_looked_at(gateway: GatewayProcess) -> None:
    """Each time, however often the credential was used before."""
    for origin, status in ((LISTED_ORIGIN, 200), ("https://elsewhere.example", 401), (LISTED_ORIGIN, 200)):
        (answer,) = await answered(gateway, post(token=LISTED, Origin=origin, Connection="close"))
        assert answer.status == status
