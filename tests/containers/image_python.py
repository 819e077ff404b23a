"""The unit and integration tests on the Python of the image, with servers of its own."""

import os
import subprocess

from tests.containers.documents import ROOT
from tests.containers.stack import PYTHON_IMAGE, CommandFailedError, say

IMAGE = "clicktrail-test/python"
PROCESSES = 2 * (os.cpu_count() or 1)
LIMIT_SECONDS = 1_800
# The checkout stays as it is, whatever the tests write.
TESTS = f"""
tar -C /checkout --exclude './.venv*' --exclude ./var -c . | tar -x
python --version
exec python -m pytest -q -n {PROCESSES} --dist loadgroup --no-loadscope-reorder -p no:cacheprovider \\
    tests/unit tests/integration
"""


def tested_on_its_python() -> None:
    """Run the tests in a container of the base that the image is built on."""
    build = ["docker", "build", "-q", "--build-arg", f"CLICKTRAIL_PYTHON_IMAGE={PYTHON_IMAGE}", "-t", IMAGE]
    subprocess.run([*build, "-f", "tests/containers/python.Dockerfile", "."], cwd=ROOT, check=True)  # noqa: S603
    # A process in the container reaps what the tests leave, and PostgreSQL has the shared memory that it asks for.
    run = [
        "timeout",
        "--kill-after=30",
        str(LIMIT_SECONDS),
        "docker",
        "run",
        "--rm",
        "--init",
        "--shm-size",
        "512m",
        "--network",
        "none",
    ]
    run += ["--sysctl", "net.ipv6.conf.all.disable_ipv6=0", "-v", f"{ROOT}:/checkout:ro"]
    done = subprocess.run([*run, IMAGE, "sh", "-euc", TESTS], check=False)  # noqa: S603
    say(f"the tests on the image's Python: exit code {done.returncode}")
    if done.returncode != 0:
        raise CommandFailedError("The tests fail on the Python of the image.")
