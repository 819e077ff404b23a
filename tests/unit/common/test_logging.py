"""Logs show what happened and nothing that is secret."""

import json
import logging

import pytest

from common.logging import configure_logging, get_logger


@pytest.fixture
def _logging_restored() -> object:
    """Give the root logger back its handlers."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


@pytest.mark.usefixtures("_logging_restored")
def test_secrets_are_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    """A token or a person's data never shows, whoever logs it."""
    configure_logging(service="example", level="info", log_format="json")
    get_logger("test_logging").info("sent", token="t0ken", email="a@b.c", count=3)
    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "sent"
    assert line["count"] == 3
    assert line["token"] == line["email"] == "(hidden)"
    assert line["service"] == "example"
