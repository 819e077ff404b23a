"""A payment link of Stripe's: a page of its own, on which no script of a shop runs."""

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.browser.shop import PAGE
from tests.browser.storefronts.storefront import Asked, Given, Storefront


@dataclass
class PaymentPage(Storefront):
    """Keeps of its address what it calls `client_reference_id`, and nothing else."""

    platform: ClassVar[str] = "stripe"

    def serve(self, asked: Asked) -> Given:
        """Answer as the platform does."""
        if asked.method == "POST":
            number = next(self.numbers)
            named = parse_qs(urlsplit(asked.target).query).get("client_reference_id", [None])
            self.orders.append(
                {
                    "id": f"cs_live_invented{number}",
                    "payment_intent": f"pi_invented{number}",
                    "client_reference_id": named[0],
                }
            )
            return Given("Thank you")
        body = f'<form method="post" action="{asked.target.replace("&", "&amp;")}"><button id="pay">Pay</button></form>'
        return Given(PAGE.format(head="", body=body))
