"""The stubs for TypeScript, and their example, as `protos/README.md` tells it to whoever has Node."""

import asyncio
import json
import shutil
from pathlib import Path

from tests.e2e.businesses import client_of, make_business
from tests.e2e.conftest import System
from tests.support.stubs import EXAMPLES, needs, run, write_stubs
from tests.support.waiting import eventually

# The newest that run on Node 20, and the compiler.
PACKAGES = (
    "@bufbuild/protobuf@2.13.0",
    "@connectrpc/connect@2.1.1",
    "@connectrpc/connect-node@2.1.1",
    "@types/node@20.19.43",
    "typescript@5.9.3",
)


async def test_the_example_in_typescript_creates_links(system: System, tmp_path: Path) -> None:
    """It compiles in strict mode with the stubs that one command writes, and its links are there."""
    needs("node", "npm", "npx")
    await asyncio.to_thread(write_stubs, "typescript", tmp_path)
    (tmp_path / "package.json").write_text(json.dumps({"type": "module"}))
    shutil.copy(EXAMPLES / "create_links.ts", tmp_path)
    await asyncio.to_thread(
        run, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", *PACKAGES, cwd=tmp_path
    )
    options = ("--strict", "--module", "nodenext", "--target", "es2022", "--outDir", "compiled")
    await asyncio.to_thread(run, "npx", "--no-install", "tsc", *options, "create_links.ts", cwd=tmp_path)
    business = await make_business(system)
    environment = {
        "CLICKTRAIL_SHORTENER": system.shortener,
        "CLICKTRAIL_BUSINESS": business.id,
        "CLICKTRAIL_TOKEN": business.token,
    }
    printed = await asyncio.to_thread(run, "node", "compiled/create_links.js", cwd=tmp_path, environment=environment)
    (ana, first), (bruno, second) = (line.split() for line in printed.splitlines())
    assert (ana, bruno) == ("ana", "bruno")
    async with client_of(system, business.token) as client:

        async def listed() -> dict[str, str]:
            links = (await client.get("/v1/links", params={"campaign": "spring-sale"})).json()["links"]
            return {link["short_url"]: link["profile"] for link in links}

        # Lists are read from tracking, which hears of links a moment later.
        assert await eventually(listed, lambda seen: len(seen) == 2) == {first: ana, second: bruno}
