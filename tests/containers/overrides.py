"""Each compose override of `deploy/`, and more replicas than one, under a light load."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.containers.image_python import tested_on_its_python
from tests.containers.load import Load, require_balance
from tests.containers.shop import shop_from
from tests.containers.stack import free_port, running, say
from tests.containers.upgrade import OPERATING

PROXY = "Several gateways behind a proxy"
CLICKS_A_SECOND = 60
LOAD_SECONDS = 20
SHARE_SECONDS = 70
MEASURED_SECONDS = 20
IDLE_SECONDS = 120
IDLE_LIMIT_SECONDS = 5.0


def overridden(*files: str, **environment: str) -> None:
    """Start with overrides, and let people click and buy for a while."""
    with running(*files, **environment) as stack:
        shop = shop_from(stack.told(OPERATING, "Install"), stack)
        with Load(shop, shop.make_links("spring", 40), CLICKS_A_SECOND) as load:
            load.run_for(LOAD_SECONDS)
        require_balance(load, stack)
        assert not stack.trouble(), stack.trouble()[:10]


def redis_cluster() -> None:
    """Three masters in place of one server."""
    overridden("deploy/compose.redis-cluster.yml")


def replicas_of(service: str) -> None:
    """Start a second replica under load: it gets its share, and nobody notices."""
    with running() as stack:
        shop = shop_from(stack.told(OPERATING, "Install"), stack)
        with Load(shop, shop.make_links("spring", 40), CLICKS_A_SECOND) as load:
            load.run_for(5)
            stack.compose("up", "-d", "--wait", "--no-deps", "--no-recreate", "--scale", f"{service}=2", service)
            load.run_for(SHARE_SECONDS)
            before = stack.processor_seconds()
            load.run_for(MEASURED_SECONDS)
            after = stack.processor_seconds()
            replicas = stack.containers()[service]
            used = [_growth(before, after, replica) for replica in replicas]
            say(f"processor time of each {service} in {MEASURED_SECONDS} s, {SHARE_SECONDS} s later: {used}")
        require_balance(load, stack)
        assert len(used) == 2
        assert min(used) > max(used) / 3, "one of them does the work"
        assert not stack.trouble(), stack.trouble()[:10]


def proxied() -> None:
    """Two gateways behind a proxy that terminates TLS; both are replaced while people click."""
    port = str(free_port())
    with running("deploy/compose.proxy.yml", CLICKTRAIL_HTTPS_PORT=port, CLICKTRAIL_SITE="localhost") as stack:
        printed = stack.told(OPERATING, "Install")
        stack.told(OPERATING, PROXY)
        with TemporaryDirectory() as folder:
            stack.compose("cp", "proxy:/data/caddy/pki/authorities/local/root.crt", f"{folder}/root.crt")
            tls = ssl.create_default_context(cafile=str(Path(folder) / "root.crt"))
        shop = shop_from(printed, stack, int(port), tls)
        with Load(shop, shop.make_links("spring", 40), CLICKS_A_SECOND) as load:
            load.run_for(5)
            stack.told(OPERATING, PROXY, number=1)
            load.run_for(LOAD_SECONDS)
        # An event on a connection that is closed under it cannot be sent again by the proxy: its sender does so.
        require_balance(load, stack, ("POST", 502))
        addresses = stack.rows("SELECT DISTINCT address FROM clicks")
        say(f"visitors' addresses as stored: {addresses}")
        assert not stack.trouble(), stack.trouble()[:10]


def idle() -> None:
    """Measure what all containers together take at rest."""
    with running() as stack:
        stack.told(OPERATING, "Install")
        time.sleep(10)
        before = stack.processor_seconds()
        time.sleep(IDLE_SECONDS)
        after = stack.processor_seconds()
        services = {identifier[:12]: name for name, several in stack.containers().items() for identifier in several}
        taken = {services.get(one[:12], one): round(after[one] - before[one], 2) for one in before}
        say(f"processor time in {IDLE_SECONDS} s at rest: {sum(taken.values()):.2f} s: {taken}")
        assert sum(taken.values()) < IDLE_LIMIT_SECONDS


def _growth(before: dict[str, float], after: dict[str, float], replica: str) -> float:
    (whole,) = (one for one in after if one.startswith(replica))
    return round(after[whole] - before[whole], 2)


SCENARIOS: dict[str, tuple[tuple[str, ...], Callable[[], None]]] = {
    "pgbouncer": (("debian:trixie-slim",), lambda: overridden("deploy/compose.pgbouncer.yml")),
    "valkey": (("valkey/valkey:8-alpine",), lambda: overridden("deploy/compose.valkey.yml")),
    "redis-password": ((), lambda: overridden("deploy/compose.redis-password.yml")),
    "redis-cluster": ((), redis_cluster),
    "proxy": (("caddy:2-alpine",), proxied),
    "shortener": ((), lambda: replicas_of("shortener")),
    "tracking": ((), lambda: replicas_of("tracking")),
    "idle": ((), idle),
    "python": ((), tested_on_its_python),
}
"""What `WITH=` can name: the images that it takes beside the usual ones, and what is done."""
