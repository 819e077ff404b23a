"""Why a request to another's server brought nothing."""


class OutgoingError(Exception):
    """A request that brought nothing; its text is for the merchant and shows no address of ours."""


class AddressRefused(OutgoingError):  # noqa: N818  (named for the situation)
    """The URL is none that we ask, or its name has no address outside of networks like our own. Nothing was sent."""


class ServerUnreachable(OutgoingError):  # noqa: N818  (named for the situation)
    """The name is unknown, nobody listens, TLS fails, or what is answered is not HTTP."""


class RequestTimedOut(OutgoingError):  # noqa: N818  (named for the situation)
    """The answer was not there in time."""


class AnswerTooLarge(OutgoingError):  # noqa: N818  (named for the situation)
    """The answer has more bytes than were allowed, as sent or unzipped."""


class UnexpectedStatus(OutgoingError):  # noqa: N818  (named for the situation)
    """The answer's status is not 2xx; a redirect is one of these.

    retry_after is the header as it came, "" where there is none.
    """

    def __init__(self, status: int, retry_after: str = "") -> None:
        """Keep what was answered."""
        super().__init__(f"the server answered {status}")
        self.status = status
        self.retry_after = retry_after
