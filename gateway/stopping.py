"""The signal that a process of the gateway sends its workers before it stops them."""

import signal

END_OF_STREAMS = signal.SIGUSR1
"""Streams have to end now: they have no end of their own, and a worker that stops waits for what is under way."""
