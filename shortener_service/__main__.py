"""Runs the shortener: settings, logging, build, serve."""

import asyncio
import sys

import uvloop

from common.logging import configure_logging, get_logger
from common.rpc.server import until_stopped
from common.settings.names import warn_of_misspelt
from common.settings.settings import load_settings
from shortener_service.bootstrap import Shortener
from shortener_service.errors import UnsuitableStoreError
from shortener_service.settings import ShortenerSettings


async def serve(settings: ShortenerSettings) -> int:
    """Serve until stopped and return the process's exit code: 1 where Redis may not be used as it is set."""
    shortener = Shortener(settings)
    stopped = asyncio.create_task(until_stopped())
    started = asyncio.create_task(shortener.start())
    await asyncio.wait({stopped, started}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if started.done():
            started.result()
            await stopped
    except UnsuitableStoreError as error:
        get_logger(__name__).critical("cannot run on this redis", reason=str(error))
        return 1
    finally:
        for task in (started, stopped):
            task.cancel()
        await asyncio.gather(started, stopped, return_exceptions=True)
        await shortener.stop()
    return 0


def main() -> None:
    """Run the service."""
    settings = load_settings(ShortenerSettings)
    configure_logging(service="shortener", level=settings.log_level, log_format=settings.log_format)
    warn_of_misspelt()
    sys.exit(uvloop.run(serve(settings)))


if __name__ == "__main__":
    main()
