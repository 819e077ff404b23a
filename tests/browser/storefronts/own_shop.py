"""A shop on a platform that has no module: its own page sends the session with the order."""

import json
from dataclasses import dataclass
from typing import ClassVar

from tests.browser.storefronts.storefront import Asked, Given, Storefront, in_json

PAY = """<button id="pay" onclick="fetch('/orders', {
  method: 'POST', body: JSON.stringify({session: Clicktrail.session})
})">Pay</button>"""


@dataclass
class OwnShop(Storefront):
    """Keeps the session among the attributes of its order."""

    platform: ClassVar[str] = "generic"

    @property
    def tracked(self) -> str:
        """The script without an adapter."""
        return self.ordinary

    def serve(self, asked: Asked) -> Given:
        """Answer as the shop does."""
        if asked.path != "/orders":
            return self.page("", PAY)
        number, said = next(self.numbers), json.loads(asked.body)
        attributes = [{"name": "gift", "value": "yes"}, {"name": "hello_session", "value": said["session"]}]
        self.orders.append({"id": f"ord_{number}", "number": str(number), "attributes": attributes})
        return in_json({"number": number})
