"""A business with its links, as its servers use the API, over HTTP or HTTPS."""

import http.client
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.containers.stack import Stack
from tests.faults.load import PHONE

HOST = "127.0.0.1"
SECONDS = 15
SESSION = "hellotext_session"


@dataclass(frozen=True)
class Shop:
    """A business, its token, and the address of the gateway."""

    port: int
    business: str
    token: str
    tls: ssl.SSLContext | None = None

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers (names in lower case) and body of an answer."""
        connection = (
            http.client.HTTPSConnection("localhost", self.port, timeout=SECONDS, context=self.tls)
            if self.tls
            else http.client.HTTPConnection(HOST, self.port, timeout=SECONDS)
        )
        try:
            sent = None if body is None else json.dumps(body)
            told = {name.replace("_", "-"): text for name, text in headers.items()}
            usual = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            connection.request(method, path, sent, usual | told)
            answer = connection.getresponse()
            return answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Return what a route of the private API answers."""
        status, _, answer = self.ask(method, path, body)
        assert status in (200, 201), (method, path, status, answer)
        found: dict[str, Any] = json.loads(answer)
        return found

    def make_links(self, campaign: str, recipients: int) -> list[str]:
        """Return the paths of new links, one a recipient."""
        template = {"destination": "https://shop.example.com/p/1", "campaign": campaign}
        people = [{"profile": f"p{number}", "external_id": f"p{number}"} for number in range(recipients)]
        made = self.call("POST", "/v1/links/batch", {"template": template, "recipients": people})["links"]
        return [urlsplit(link["short_url"]).path for link in made]

    def click(self, path: str) -> str:
        """Return the session that a person's click is given."""
        status, headers, _ = self.ask("GET", path, Authorization="", User_Agent=PHONE)
        assert status == 302, (path, status)
        return parse_qs(urlsplit(headers["location"]).query)[SESSION][0]

    def order(self, session: str, reference: str) -> str:
        """Return the id of an order of 395 dollars that is placed in a session."""
        event = {
            "action": "order.placed", "session": session, "amount": 395, "currency": "USD",
            "object_parameters": {"reference": reference},
        }  # fmt: skip
        return str(self.call("POST", "/v1/attribution/events", event)["id"])

    def totals(self, campaign: str) -> dict[str, Any]:
        """Return the totals of a campaign's report."""
        found: dict[str, Any] = self.call("GET", f"/v1/campaigns/{campaign}/report")["totals"]
        return found


def shop_from(printed: str, stack: Stack, port: int | None = None, tls: ssl.SSLContext | None = None) -> Shop:
    """Return the business that `clicktrail business create` has printed."""
    values = dict(line.split() for line in printed.splitlines() if line.startswith(("business ", "token ")))
    return Shop(port or stack.port, values["business"], values["token"], tls)
