"""Keeps the search for garbage away from what lives as long as the process."""

import gc

# New objects between two searches. Messages and futures are freed as soon as nobody refers to them, and hold no
# cycles; at Python's 700, a flight of redirects alone set off several searches.
NEW_OBJECTS = 20_000


def spare_what_stays() -> None:
    """Leave all objects there are out of later searches, and search less often; call it once all is built."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 20)
