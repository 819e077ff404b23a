"""A short run; `make fuzz` is the long one."""

import asyncio

import pytest

from tests.fuzz.run import Plan, run
from tests.support.tenants import running_stack

SECONDS = 10.0


@pytest.mark.parametrize("seed", [20_261])
def test_random_bytes_find_no_fault(seed: int) -> None:
    """No answer 500, no code that tells of a fault, no canary that notices, and hardly a word in the logs."""
    with running_stack() as made:
        found = asyncio.run(run(made, Plan(seed, SECONDS)))
    assert not found.faults, found.lines
