"""The judge against thousands of real agents: it runs on each change of the rules and of the list of crawlers."""

from collections import Counter

import pytest

from clicktrail.tracking.v1 import click_pb2
from shortener_service.agents import crawler_list
from shortener_service.agents.judge import judge
from tests.support.shortener_service.agents.corpus import labelled

AGENTS = list(labelled())
# Some programs say nothing that a browser does not say, or look like an extension of one.
LEAST_CAUGHT = 0.98


def verdict(agent: str) -> str:
    """Return the verdict of an agent, judged anew."""
    return click_pb2.Verdict.Name(judge.__wrapped__(agent).verdict).removeprefix("VERDICT_").lower()


def misjudged_people(half: str) -> list[str]:
    """Return people who are taken for programs."""
    people = [one.agent for one in AGENTS if (one.label, one.half) == ("person", half)]
    return [agent for agent in people if verdict(agent) != "human"]


def test_there_are_enough_of_each() -> None:
    """At least 5,000 people and 1,000 programs, about half of them from sources that were kept apart."""
    counted = Counter((one.label == "person", one.half) for one in AGENTS)
    assert min(counted[True, "tuned"], counted[True, "apart"]) >= 2_500
    assert min(counted[False, "tuned"], counted[False, "apart"]) >= 1_000


@pytest.mark.parametrize("half", ["tuned", "apart"])
def test_nobody_is_taken_for_a_program(half: str) -> None:
    """Not one person of either half."""
    assert misjudged_people(half) == []


@pytest.mark.parametrize("label", ["preview", "scanner"])
def test_every_named_preview_and_scanner_is_told(label: str) -> None:
    """By its kind."""
    named = [one.agent for one in AGENTS if one.label == label]
    assert {agent: verdict(agent) for agent in named if verdict(agent) != label} == {}


@pytest.mark.parametrize("half", ["tuned", "apart"])
def test_programs_are_no_people(half: str) -> None:
    """Nearly all, also of those that nobody looked at."""
    programs = [one.agent for one in AGENTS if (one.label, one.half) == ("program", half)]
    caught = [agent for agent in programs if verdict(agent) != "human"]
    assert len(caught) / len(programs) > (LEAST_CAUGHT if half == "tuned" else LEAST_CAUGHT - 0.02)


@pytest.mark.parametrize(
    "entry", ["Chrome", "Safari/537.36", "AP3A.240617.008", "Build/", "SM-", "Instagram", "FBAN", "; wv"]
)
def test_no_entry_of_the_list_reaches_what_browsers_phones_and_apps_say(
    entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update with a part of what people send misjudges nobody."""
    monkeypatch.setattr(crawler_list, "_TEXTS", ((entry, click_pb2.VERDICT_BOT),))
    people = [
        one.agent for one in AGENTS if one.label == "person" and one.agent.startswith("Mozilla/5.0 (Linux; Android")
    ]
    assert [agent for agent in people if entry in agent and verdict(agent) != "human"] == []
    assert any(entry in agent for agent in people)


def test_an_update_that_names_a_browser_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The people above are no longer all people then: a rule with a reason is needed before the update."""
    monkeypatch.setattr(crawler_list, "_TEXTS", (*crawler_list._TEXTS, ("Maxthon", click_pb2.VERDICT_BOT)))
    assert misjudged_people("tuned")
