"""Python's search for garbage that refers to itself: rarer, and not among what lives as long as the process."""

import gc

# Of objects that came and did not go, before the youngest are searched: a batch or a delivery makes thousands that all
# go by themselves. Python's own 700 let every one of them be searched several times.
YOUNG_OBJECTS = 20_000


def spare_what_stays() -> None:
    """Search no more among the objects that there are now: call it once all is put together, before serving."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)
