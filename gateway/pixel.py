"""Takes in an event that comes as the address of an image, in a mail or on a page without scripts."""

from base64 import b64decode

from gateway.http.exchange import Answer, Exchange
from gateway.json.text import Value

# One transparent point.
GIF = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
# Names the business in a query; not part of the event.
BUSINESS = "business"


def event_in_query(exchange: Exchange) -> dict[str, Value]:
    """Return the event that a query describes; of a name that stands twice, the last counts."""
    return {name: text for name, text in exchange.query() if name != BUSINESS}


def image() -> Answer:
    """Return the image."""
    return Answer(200, GIF, content_type="image/gif")
