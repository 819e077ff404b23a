"""Whatever a platform sends, a mapping tells facts or names what it cannot read: it never fails otherwise."""

import copy
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from tests.support.platforms.deliveries import SHOP, payload, vectors
from tests.support.platforms.generic_deliveries import EVENT, shop, standard
from tracking_service.money import EXPONENTS, is_amount
from tracking_service.platforms.catalogue import PLATFORMS
from tracking_service.platforms.fields import LONGEST_TEXT
from tracking_service.platforms.platform import ErasureRequest, Fact, Ignored, ToFetch, Told, UnreadableDelivery

ACTIONS = {"order.placed", "order.confirmed", "order.shipped", "order.delivered", "order.cancelled", "refund.received"}
# What stands in the place of each field in turn.
ODD: list[Any] = [
    None, True, False, "", " ", "x", "0", "-1", -1, 0, 1.5, 1e300, 10**400, 9007199254740993, "é", "\0", "\ud800",
    "x" * 10_000, [], {}, [[]], [None], [{}], {"a": 1}, {"0": {"id": 1}}, [1, "a", {"id": {}}], "1e999999", "0e999999",
    "NaN", "9" * 99 + "e999999", "2026-13-45T99:99:99Z", "0001-01-01T00:00:00+14:00",
]  # fmt: skip
SEED = 1042


class Source(NamedTuple):
    """What is damaged, and what reads it."""

    name: str
    value: Any
    read: Callable[[bytes], Sequence[Told]]


def sources() -> Iterator[Source]:
    """Yield every recorded payload with its mapping."""
    for each in vectors():
        if each.name.endswith(".json"):
            yield Source(
                each.name,
                json.loads(each.request.body),
                lambda body, each=each: each.platform.read(each.request._replace(body=body), SHOP),  # type: ignore[misc]
            )
    for name, kind in (
        ("vtex/get-order", "order"),
        ("tiendanube/get-order", "order"),
        ("mercadopago/get-payment", "payment"),
    ):
        fetched = PLATFORMS[name.partition("/")[0]].read_fetched
        assert fetched is not None
        yield Source(
            name,
            json.loads(payload(f"{name}.json")),
            lambda body, fetched=fetched, kind=kind: fetched(kind, body, SHOP),  # type: ignore[misc]
        )
    generic = shop("standard-webhooks")
    yield Source("generic", EVENT, lambda body: PLATFORMS["generic"].read(standard({})._replace(body=body), generic))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every field within a JSON value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield (*path, name)
        yield from places(member, (*path, name))


def without(value: Any, path: tuple[Any, ...]) -> Any:
    """Return a copy of a JSON value without one field."""
    damaged = copy.deepcopy(value)
    del holder(damaged, path)[path[-1]]
    return damaged


def with_odd(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """Return a copy of a JSON value with something else in the place of a field."""
    damaged = copy.deepcopy(value)
    holder(damaged, path)[path[-1]] = odd
    return damaged


def holder(value: Any, path: tuple[Any, ...]) -> Any:
    """Return what holds the field at a path."""
    for step in path[:-1]:
        value = value[step]
    return value


def check(source: Source, value: Any) -> None:
    """Read a damaged payload: what is told can be recorded, or its reader says why it cannot."""
    for each in told_or_reason(source, value):
        if isinstance(each, Fact):
            check_fact(each)
        elif isinstance(each, ErasureRequest):
            assert any(each.customer)
        elif isinstance(each, ToFetch):
            assert re.fullmatch(r"[A-Za-z0-9._-]{1,100}", each.id)
        else:
            assert 5 < len(each.reason) < 400


def told_or_reason(source: Source, value: Any) -> Sequence[Told]:
    """Return what a payload tells, or that it cannot be read as a reason for nothing."""
    try:
        told = source.read(json.dumps(value).encode())
    except UnreadableDelivery as unreadable:
        return [Ignored(str(unreadable))]
    assert told
    return told


def check_fact(fact: Fact) -> None:
    """Assert that nothing of a fact would be refused where it is recorded."""
    assert fact.action in ACTIONS
    assert (fact.refund is not None) == (fact.action == "refund.received")
    assert fact.amount is None or is_amount(fact.amount)
    assert fact.currency is None or (fact.currency in EXPONENTS and fact.amount is not None)
    assert fact.occurred_at is None or fact.occurred_at.tzinfo
    for text in (fact.reference, fact.refund or "x", *fact.aliases, *fact.tokens):
        assert 0 < len(text) <= LONGEST_TEXT
    for text in (fact.reference, *fact.aliases, *fact.customer, *fact.tokens, *fact.sessions, json.dumps(fact.details)):
        assert not re.search("[\0\ud800-\udfff]", text)
    assert len(json.dumps(fact.details)) < 60_000


SOURCES = list(sources())


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_payload_without_a_field_is_read_or_named(source: Source) -> None:
    """Each field in turn."""
    check(source, source.value)
    for path in places(source.value):
        check(source, without(source.value, path))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_field_of_another_kind_is_read_or_named(source: Source) -> None:
    """Each field in turn, as everything that it is not; nested in a list and in an object, too."""
    # One copy for all: each field is put back after its turn.
    damaged = copy.deepcopy(source.value)
    for path in places(source.value):
        of, name = holder(damaged, path), path[-1]
        usual = of[name]
        for odd in (*ODD, [usual], {"value": usual}, {"id": usual}):
            of[name] = odd
            check(source, damaged)
        of[name] = usual
    assert damaged == source.value


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_several_damages_at_once_are_read_or_named(source: Source) -> None:
    """By a seed, so that what fails fails again."""
    chance = random.Random(SEED)  # noqa: S311  (no secret)
    for _ in range(200):
        damaged = source.value
        for _ in range(chance.randint(2, 5)):
            found = list(places(damaged))
            if found:
                damaged = with_odd(damaged, chance.choice(found), chance.choice(ODD))
        check(source, damaged)


def test_long_orders_are_shown_in_part() -> None:
    """An order of hundreds of lines has details that can be kept."""
    source = next(source for source in SOURCES if source.name == "shopify/orders-create.json")
    item = source.value["line_items"][0] | {"name": "😀" * 1000, "sku": "😀" * 1000}
    told = source.read(json.dumps(source.value | {"line_items": [item] * 900}).encode())
    assert isinstance(told[0], Fact)
    check_fact(told[0])
