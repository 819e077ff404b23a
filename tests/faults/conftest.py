"""One running chain for all tests of this folder."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.chain import Chain
from tests.faults.run import SHORT, Run


@pytest_asyncio.fixture(scope="package")
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    """Run the whole system, with a proxy on each way between its parts."""
    async with Chain(tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest_asyncio.fixture(scope="package")
async def run(chain: Chain) -> Run:
    """Return a short run that is over."""
    finished = Run(chain, SHORT, print)
    await finished.carry_out()
    return finished
