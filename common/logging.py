"""Structured logs that never show a token or a person's data."""

import logging
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    import structlog
    from structlog.typing import EventDict, Processor, WrappedLogger

LogLevel = Literal["debug", "info", "warning", "error"]

# Whatever stands under these names is replaced, wherever it comes from.
SECRET_NAMES = frozenset(
    {"authorization", "token", "credential", "password", "email", "phone", "name", "address", "user_agent", "query",
     "url", "referrer", "dsn", "metadata"}
)  # fmt: skip


def configure_logging(*, service: str, level: str, log_format: str) -> None:
    """Send every log line, also those of libraries, to standard error as JSON or text."""
    import structlog  # noqa: PLC0415  (as in `_Logger`)

    as_text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        without_secrets,
    ]
    renderer = structlog.dev.ConsoleRenderer() if as_text else structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    final: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not as_text:
        final.append(structlog.processors.format_exc_info)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*final, renderer]))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    structlog.contextvars.bind_contextvars(service=service)


def without_secrets(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    """Replace the values of names that may carry a secret or a person's data."""
    for name in SECRET_NAMES & event.keys():
        event[name] = "(hidden)"
    return event


def get_logger(name: str) -> "structlog.stdlib.BoundLogger":
    """Return the logger of a module."""
    return cast("structlog.stdlib.BoundLogger", _Logger(name))


class _Logger:
    """A logger whose library is imported once something is logged.

    Commands import what services are made of, and log nothing: the library would be a fifth of their start.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._logger, attribute)

    @cached_property
    def _logger(self) -> "structlog.stdlib.BoundLogger":
        import structlog  # noqa: PLC0415  (the reason for this class)

        logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(self._name)
        return logger
