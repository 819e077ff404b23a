"""What can go wrong with a server that we start, in words for the person at the terminal."""


class ServerFailed(Exception):  # noqa: N818  (named for the situation)
    """A server did not start, or cannot be started here; the message says why and what its log said last."""
