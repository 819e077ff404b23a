"""Recipients as CSV, in pieces."""

import csv
from io import StringIO

import httpx
import pytest

from tests.support.gateway.peers import Peers
from tests.support.gateway.report_peers import PIECES, SIGNATURE

RECIPIENTS = "/v1/campaigns/spring%2F2026/recipients.csv"


async def test_a_spreadsheet_shows_what_is_there(server: httpx.AsyncClient) -> None:
    """A name that is a formula stays text; each piece of the answer is in it, in order."""
    answer = await server.get(RECIPIENTS)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"] == 'attachment; filename="recipients-campaign-spring_2026.csv"'
    assert answer.text.startswith("\ufeff")
    rows = list(csv.DictReader(StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    assert [row["profile"] for row in rows] == [f"{one}{piece}" for piece in range(PIECES) for one in "pq"]
    assert rows[0]["name"] == '\'=HYPERLINK("http://evil.example.com")'
    assert rows[0]["first_clicked_at"] == "2026-05-04T03:03:01Z"
    assert rows[0]["revenue"] == "395.00 USD; -10 JPY"
    assert rows[1]["first_clicked_at"] == ""


async def test_a_signature_is_enough(web: httpx.AsyncClient, peers: Peers) -> None:
    """It opens what the page shows; no credential opens nothing."""
    assert (await web.get(RECIPIENTS, params={"signature": SIGNATURE})).status_code == 200
    assert peers.reports.requests[-1].campaign == "spring/2026"
    assert (await web.get(RECIPIENTS)).status_code == 401


async def test_an_answer_that_breaks_off_is_not_taken_for_whole(server: httpx.AsyncClient, peers: Peers) -> None:
    """The connection ends without the end of the body."""
    peers.reports.breaks_in_the_middle = True
    with pytest.raises(httpx.RemoteProtocolError):
        await server.get(RECIPIENTS)
