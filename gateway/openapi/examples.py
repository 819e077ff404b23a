"""Bodies for the document of the API, each of which is taken as it stands: what a client shows to try a route with."""

from collections.abc import Mapping
from typing import Any

_SESSION = "Kd0fXq7YbM2nTz5wR9sVcJ4hLgP8uA1e"
_PAGE_VIEW = {
    "id": "view-0192",
    "action": "page.viewed",
    "session": _SESSION,
    "page": {"url": "https://shop.example.com/", "title": "Shop"},
}
_ORDER = {
    "id": "order-1001-placed",
    "action": "order.placed",
    "session": _SESSION,
    "object_parameters": {"reference": "1001", "source": "shop"},
    "amount": "395.00",
    "currency": "USD",
}
_SERVER_ORDER = {**_ORDER, "id": "order-1001-confirmed", "action": "order.confirmed", "session": None, "profile": "ana"}
_REFUND = {
    "id": "refund-7",
    "action": "refund.received",
    "profile": "ana",
    "object_parameters": {"reference": "refund-7", "source": "shop", "order": "1001"},
    "amount": "95.00",
    "currency": "USD",
}
_FROM_PAGES = {"A page was looked at": _PAGE_VIEW, "An order was placed": _ORDER}
_FROM_SERVERS = {"An order of a known customer": _SERVER_ORDER, "A part of it was refunded": _REFUND}

EXAMPLES: dict[str, Mapping[str, Any]] = {
    "createConnection": {
        "A shop on WooCommerce": {"platform": "woocommerce", "name": "The shop"},
        "A shop on Stripe, whose secret comes later": {"platform": "stripe"},
    },
    "createLink": {
        "A recipient's link": {
            "destination": "https://shop.example.com/spring",
            "campaign": "spring",
            "profile": "ana",
            "external_id": "spring-ana",
        },
        "A link for everybody": {"destination": "https://shop.example.com/spring", "campaign": "spring"},
    },
    "batchCreateLinks": {
        "Two recipients' links": {
            "template": {"destination": "https://shop.example.com/spring", "campaign": "spring"},
            "recipients": [
                {"profile": "ana", "external_id": "spring-ana"},
                {"profile": "bruno", "external_id": "spring-bruno"},
            ],
        }
    },
    "createProfile": {
        "A customer": {
            "id": "carla",
            "name": "Carla",
            "email": "carla@example.com",
            "identities": [{"source": "shop", "user_id": "17"}],
        }
    },
    "createAction": {"An action of one's own": {"name": "table.reserved", "conversion": True}},
    "claimDomain": {"A domain of one's own": {"name": "go.example.com"}},
    "createToken": {"A token for a server": {"name": "Shop server"}},
    "createReportLink": {"Of a campaign": {"campaign": "spring"}, "Of everything": {}},
    "trackEvent": _FROM_PAGES,
    "trackEvents": {"Two events": {"events": list(_FROM_PAGES.values())}},
    "attributeEvent": _FROM_SERVERS,
    "attributeEvents": {"Two events": {"events": list(_FROM_SERVERS.values())}},
    "acknowledge": {"A page is open": {"session": _SESSION}},
    "bindToken": {
        "A cart is a visitor's": {"session": _SESSION, "source": "shopify", "token": "hWN6mTqZ0bYc3fQxKp9sVd"}
    },
    "identify": {"A visitor logged in": {"session": _SESSION, "user_id": "17", "source": "shop"}},
}
"""By the id of the operation, each by what it shows."""
