"""Sends random bytes over HTTP and gRPC for a while: `python -m tests.fuzz --seed N`. Exits with 1 on any fault.

A fault is an answer 500 or of a code that tells of one, a well-formed request beside it that is answered wrongly, a
service that ends, or more than 1 MB of logs.
"""

import argparse
import sys
import time

import uvloop

from tests.fuzz.run import Plan, run
from tests.support.tenants import running_stack


def main() -> None:
    """Carry out what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seconds", type=float, default=120.0)
    options = parser.parse_args()
    _say(f"seed {options.seed}, {options.seconds:.0f} s")
    with running_stack() as made:
        found = uvloop.run(run(made, Plan(options.seed, options.seconds)))
    for line in found.lines:
        _say(line)
    for fault in found.faults:
        _say(f"FAULT: {fault}")
    sys.exit(1 if found.faults else 0)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (what a person waits for)


if __name__ == "__main__":
    main()
