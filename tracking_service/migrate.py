"""Brings the database to the form that the code expects: `python -m tracking_service.migrate`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from common.logging import configure_logging
from common.settings.names import warn_of_misspelt
from common.settings.settings import load_settings
from tracking_service.postgres.migrate import BROKEN_OFF, MIGRATION_FAILED, Phase, migrate
from tracking_service.postgres.refusals import cause_of, refusal_of
from tracking_service.postgres.servers import NotConnectedError, UnfitAddressError
from tracking_service.settings import MigrationSettings

# What the exit code says: a setting is wrong, here or at PostgreSQL; or PostgreSQL is away, and it may work later.
USAGE, UNAVAILABLE = 2, 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Migrate the database that the settings name."""
    parser = argparse.ArgumentParser(prog="python -m tracking_service.migrate", description="Migrates the database.")
    parser.add_argument(
        "--phase",
        type=Phase,
        choices=list(Phase),
        default=Phase.ALL,
        help="pre: what new code needs before it starts; post: what must wait until no old code runs; default: all",
    )
    phase = parser.parse_args(arguments).phase
    settings = load_settings(MigrationSettings)
    configure_logging(service="migrate", level=settings.log_level, log_format=settings.log_format)
    warn_of_misspelt()
    try:
        done = asyncio.run(migrate(settings.owner_address, phase, settings.postgres_address))
    except NotConnectedError as error:
        whose = "As the owner, by CLICKTRAIL_POSTGRES_OWNER_URL: " if settings.postgres_owner_url else ""
        print(f"{whose}{error}", file=sys.stderr)  # noqa: T201  (for the person at the terminal)
        sys.exit(USAGE if error.is_lasting else UNAVAILABLE)
    except UnfitAddressError as error:
        print(error, file=sys.stderr)  # noqa: T201  (for the person at the terminal)
        sys.exit(USAGE)
    except BROKEN_OFF as error:
        print(f"PostgreSQL broke off: {cause_of(error)}", file=sys.stderr)  # noqa: T201  (for the person at the terminal)
        sys.exit(UNAVAILABLE)
    except MIGRATION_FAILED as error:
        refusal = refusal_of(error)
        said = f"{refusal.sentence}. ({cause_of(error)})" if refusal else str(error)
        sys.exit(f"The database could not be migrated: {said}")
    print(f"{len(done)} migrations ran: {', '.join(done)}" if done else "Nothing to migrate.")  # noqa: T201  (its answer)


if __name__ == "__main__":
    main()
