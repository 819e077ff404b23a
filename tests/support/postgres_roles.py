"""The role that the service has at the tests' PostgreSQL: it reads and writes rows, and can do nothing else."""

from cli.embedded.postgres_server import SERVICE_USER
from common.settings.store_urls import take_apart

_PASSWORD = "of-the-service"


def as_service(owner_url: str) -> str:
    """Return the address of a database for the service, out of the one for its owner; migrations make the role."""
    return take_apart(owner_url)._replace(user=SERVICE_USER, password=_PASSWORD).text()
