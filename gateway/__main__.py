"""Runs the gateway."""

from common.logging import configure_logging
from common.settings.names import warn_of_misspelt
from common.settings.settings import load_settings
from gateway.http.server import serve
from gateway.settings import GatewaySettings


def main() -> None:
    """Serve with the settings of the environment."""
    settings = load_settings(GatewaySettings)
    configure_logging(service="gateway", level=settings.log_level, log_format=settings.log_format)
    warn_of_misspelt()
    serve(settings)


if __name__ == "__main__":
    main()
