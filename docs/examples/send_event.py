"""Sends an order from a shop's server: once, however often it is tried. Python 3.11 or newer, nothing else."""

import http.client
import json
import os
import time
import urllib.error
import urllib.request

URL = os.environ["CLICKTRAIL_URL"]  # such as https://go.example.com
TOKEN = os.environ["CLICKTRAIL_TOKEN"]  # a private token of the business
TRIES = 8


def send(event: dict[str, object]) -> dict[str, object]:
    """Send an event and return its receipt. Raises `HTTPError` where the event itself is refused."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{URL}/v1/attribution/events", json.dumps(event).encode(), headers)
    for attempt in range(1, TRIES + 1):
        pause = min(60.0, 2.0**attempt)
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            # 429 and 503 say when to come again, 408 is a proxy's; what else is below 500 is a fault of the event.
            if error.code < 500 and error.code not in (408, 429):
                raise
            told = error.headers.get("Retry-After", "")
            pause = float(told) if told.isdecimal() else pause
        except (OSError, http.client.HTTPException):
            pass  # No answer: it may have been taken, and the `id` keeps it from being counted twice.
        time.sleep(pause)
    raise TimeoutError("Clicktrail did not answer; keep the event and send it later, with the same id.")


receipt = send(
    {
        "id": "order-1001-placed",  # the same id is the same event for ever
        "action": "order.placed",
        "profile": "ana",
        "object_parameters": {"reference": "1001", "source": "shop"},
        "amount": "395.00",
        "currency": "USD",
    }
)
print(receipt["status"], receipt["id"])
