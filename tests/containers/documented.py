"""The way of an operator through the documents: install, use, back up, lose everything, restore."""

import tempfile
import time
from pathlib import Path
from typing import Any

from tests.containers.shop import Shop, shop_from
from tests.containers.stack import OURS, SECRET_NAMES, SECRETS, SERVICE_SECRETS, Stack, running, say
from tests.containers.upgrade import OPERATING

CAMPAIGN = "spring"
# What the shortener says between the start and the restore of an empty Redis.
EMPTIED = "redis was emptied"
REPORTED_WITHIN_SECONDS = 60
REVENUE = [{"amount": "395.00", "currency": "USD"}]


def documented() -> None:
    """Follow the documents from nothing to a restored system."""
    with running() as stack, tempfile.TemporaryDirectory() as folder:
        say("install")
        shop = shop_from(stack.told(OPERATING, "Install"), stack)
        containers = stack.containers()
        path = shop.make_links(CAMPAIGN, 2)[0]
        shop.order(shop.click(path), "1001")
        until_reported(shop, clicks=1, conversions=1)
        require_secrecy(stack)
        require_separation(stack)
        require_image(stack)

        say("back up; administration leaves what runs alone")
        stack.told(OPERATING, "Back up", Path(folder))
        assert (Path(folder) / "clicktrail.tar").stat().st_size > 0
        assert stack.containers() == containers, "a command made containers anew"

        say("service keys")
        require_credentials(stack)
        assert len(stack.told(OPERATING, "Service keys").strip()) >= 32
        stack.told(OPERATING, "Service keys", number=1)
        assert shop.ask("GET", "/unknown1")[0] == 404, "the gateway's new key is not taken"

        say("logs without an error")
        assert not stack.trouble(), stack.trouble()[:10]

        say("Redis is lost")
        stack.compose("rm", "--stop", "--force", "redis")
        stack.shell("docker volume rm ${COMPOSE_PROJECT_NAME}_redis")
        stack.compose("up", "-d", "--no-deps", "--wait", "redis")
        assert shop.ask("GET", "/unknown1")[0] == 503, "an emptied Redis declares links dead"
        stack.told(OPERATING, "Redis is lost")
        assert shop.ask("GET", "/unknown1")[0] == 404
        shop.click(path)
        until_reported(shop, clicks=2, conversions=1)

        say("a stop in order")
        require_orderly_stop(stack)

        say("everything is lost")
        stack.down()
        stack.told(OPERATING, "Everything is lost", Path(folder))
        until_reported(shop, clicks=1, conversions=1)
        shop.click(path)
        until_reported(shop, clicks=2, conversions=1)
        unexpected = [line for line in stack.trouble() if EMPTIED not in line]
        assert not unexpected, unexpected[:10]


def until_reported(shop: Shop, *, clicks: int, conversions: int) -> None:
    """Return once the campaign's report says so."""
    until = time.monotonic() + REPORTED_WITHIN_SECONDS
    wanted = {"clicks": clicks, "conversions": conversions, "revenue": REVENUE}
    while (found := {name: shop.totals(CAMPAIGN)[name] for name in wanted}) != wanted:
        assert time.monotonic() < until, f"the report says {found}, not {wanted}"
        time.sleep(0.2)


def require_secrecy(stack: Stack) -> None:
    """Show that no container's description holds a password."""
    for name in SECRET_NAMES:
        require_secret(stack, "postgres", f"{SECRETS}/{name}")
    require_secret(stack, "tracking", f"{SERVICE_SECRETS}/postgres_password")


def require_secret(stack: Stack, service: str, path: str) -> None:
    """Show that a password is long, and in no container's description."""
    secret = stack.compose("exec", "-T", service, "cat", path).strip()
    assert len(secret) >= 32, path
    for container in stack.described():
        assert secret not in str(container), f"{container['Name']} shows {path}"


def require_separation(stack: Stack) -> None:
    """Show that tracking is a role without rights over tables, and that each service reaches its own store alone."""
    roles = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'clicktrail-tracking'"
    assert stack.rows(roles) == ["clicktrail_app"]
    owned = "SELECT count(*) FROM pg_shdepend WHERE refobjid = 'clicktrail_app'::regrole AND deptype = 'o'"
    assert stack.rows(owned) == ["0"]
    asked = "import socket; socket.getaddrinfo('{0}', 1); print('finds', '{0}')"
    for service, reached in (("shortener", ["redis"]), ("tracking", ["postgres"]), ("gateway", [])):
        found = []
        for store in ("redis", "postgres"):
            ask = f'docker compose exec -T {service} python -c "{asked.format(store)}"'
            if f"finds {store}" in stack.shell(f"{{ {ask} || true; }} 2>&1"):
                found.append(store)
        assert found == reached, (service, found)
    sees = stack.shell(f"docker compose exec -T tracking ls {SECRETS} 2>/dev/null || true").strip()
    assert not sees, sees


def require_credentials(stack: Stack) -> None:
    """Show that whoever takes over the gateway, the part that faces the world, creates no token."""
    for option in ("", "--key-file /run/clicktrail-keys/gateway.key"):
        command = f"clicktrail token create --business b --tracking tracking:7002 {option}"
        said = stack.shell(f"docker compose exec -T gateway {command} 2>&1 || test $? = 3")
        assert "not allowed" in said, said


def service_of(container: dict[str, Any]) -> str:
    """Return the name that the compose file has for a container."""
    return str(container["Config"]["Labels"]["com.docker.compose.service"])


def require_image(stack: Stack) -> None:
    """Show what our containers may do, and that their image lists what it holds."""
    for container in stack.described():
        service = service_of(container)
        host, settings = container["HostConfig"], container["Config"]
        assert host["Memory"] > 0, service
        assert host["PidsLimit"], service
        assert "ALL" in host["CapDrop"], service
        if service in OURS:
            assert host["ReadonlyRootfs"], service
            assert settings["User"] == "10001:10001", service
            assert settings["Labels"]["org.opencontainers.image.version"] == stack.environment["CLICKTRAIL_VERSION"]
    assert '"grpcio"' in stack.compose("exec", "-T", "gateway", "cat", "/opt/clicktrail/sbom.cdx.json")


def require_orderly_stop(stack: Stack) -> None:
    """Stop everything, and show that each of ours ended by itself."""
    stack.compose("stop")
    codes = {service_of(container): container["State"]["ExitCode"] for container in stack.described()}
    assert {codes[service] for service in OURS} == {0}, codes
