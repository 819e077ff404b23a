"""A service whose key is not known: nothing is lost and nobody is blamed, and the right key is enough to go on."""

from pathlib import Path

import httpx

from cli.embedded.server_process import ServerProcess
from clicktrail.common.v1.access_pb2 import ROLE_GATEWAY
from common.rpc.keys import file_of, new_key
from tests.e2e.outages.visitors import assert_come_again, click, is_redirect, make_link, post_event
from tests.support.killable import KillableSystem
from tests.support.waiting import eventually

# So that what is refused is told soon.
HASTY = {"REDIRECT_SECONDS": "1", "CALL_SECONDS": "1"}


async def test_a_gateway_whose_key_is_wrong_asks_to_come_again(chain: KillableSystem, tmp_path: Path) -> None:
    """Visitors, pages and shops get 503, never 401: their credentials are well. The right key needs no restart."""
    link = await make_link(chain, "keys")
    key = file_of(tmp_path, ROLE_GATEWAY)
    key.write_text(new_key())
    gateway = chain.another_gateway("stranger", HASTY | {"SERVICE_KEYS_DIR": str(tmp_path)})
    gateway.spawn()
    try:
        await eventually(lambda: _answers(chain, gateway), bool)
        assert_come_again(await click(chain, link, gateway))
        assert_come_again(await post_event(chain, "a-key-of-an-event", gateway))
        async with chain.server(gateway) as shop:
            assert_come_again(await shop.get(f"/v1/links/{link['id']}"))
        key.write_text(file_of(chain.stack.keys, ROLE_GATEWAY).read_text())
        await eventually(lambda: click(chain, link, gateway), is_redirect)
        assert (await post_event(chain, "a-key-of-an-event", gateway)).status_code == 200
        async with chain.server(gateway) as shop:
            assert (await shop.get(f"/v1/links/{link['id']}")).status_code == 200
    finally:
        gateway.stop()


async def _answers(chain: KillableSystem, gateway: ServerProcess) -> bool:
    """Tell whether a gateway takes connections."""
    async with chain.client(gateway) as phone:
        try:
            return (await phone.get("/healthz")).status_code == 200
        except httpx.TransportError:
            return False
