"""Runs the tracking service: `python -m tracking_service`."""

import sys

import uvloop

from common.logging import configure_logging
from common.settings.names import warn_of_misspelt
from common.settings.settings import load_settings
from tracking_service.bootstrap import serve
from tracking_service.postgres.servers import UnfitDatabaseError
from tracking_service.settings import TrackingSettings


def main() -> None:
    """Read the settings, set up the logs, serve."""
    settings = load_settings(TrackingSettings)
    configure_logging(service="tracking", level=settings.log_level, log_format=settings.log_format)
    warn_of_misspelt()
    try:
        uvloop.run(serve(settings))
    except UnfitDatabaseError as error:
        sys.exit(f"The tracking service does not start: {error}")


if __name__ == "__main__":
    main()
