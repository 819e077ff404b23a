"""The running system against its own document: whatever is sent, the answer is one that the document has."""

import asyncio
from collections.abc import Iterator, Sequence
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeAlias

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi import checks

from tests.contract.declared import declared_document
from tests.e2e.businesses import Business, make_business
from tests.e2e.conftest import System, client_with
from tracking_service.actions.catalogue import CATALOGUE

# The tests made from the document start a system without naming it as a fixture: one worker has them all.
pytestmark = pytest.mark.xdist_group("openapi")

# Only ends a test that would never end.
ANSWER_SECONDS = 120
Case: TypeAlias = "schemathesis.Case[Any]"
# Not among them: that whatever fits a schema is taken, since no schema tells which links, profiles and actions there
# are; that whatever does not fit is refused, since a batch takes its sound events and unknown parameters are ignored.
CHECKS: Sequence[CheckFunction] = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
    checks.allow_header_conformance,
)
SEED = 20_260_701

# The cases of an operation are made when the tests run, each operation a test within its test: made when tests are
# collected, they would cost seconds in every run of any test, and once more in each worker.
operations = schemathesis.pytest.from_fixture("document").exclude(
    path_regex="/stream$"  # They answer for as long as somebody listens.
)
# Beside these, every boundary of every parameter and field is tried once.
bounded = settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def document() -> schemathesis.BaseSchema:
    """Return the document, to make the same cases of each time."""
    generation = GenerationConfig(deterministic=True)
    projects = ProjectsConfig(default=ProjectConfig(generation=generation))
    return schemathesis.openapi.from_dict(declared_document(), config=SchemathesisConfig(seed=SEED, projects=projects))


@pytest.fixture(scope="module")
def business(system: System) -> Business:
    """Return a business for this alone: the tests leave a lot behind."""
    return asyncio.run(make_business(system))


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Return a connection that is kept from one case to the next; of what came before, nothing else is."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers.clear()
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        yield session


async def test_examples_are_taken_as_they_stand(system: System) -> None:
    """Each of each route, in the order of the document: links, profiles, then what is said of them."""
    made = await make_business(system)
    async with client_with(system, Authorization=f"Bearer {made.token}") as server:
        for path, methods in declared_document()["paths"].items():
            for method, operation in methods.items():
                content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
                for text, example in content.get("examples", {}).items():
                    answer = await server.request(method, path, json=example["value"])
                    assert answer.status_code in (200, 201), (path, text, answer.text)
                    assert "rejected" not in answer.text, (path, text, answer.text)


def test_every_route_that_is_posted_to_has_an_example() -> None:
    """So that whoever tries it out begins with something that works."""
    paths = declared_document()["paths"].items()
    bodies = {
        path: methods["post"]["requestBody"] for path, methods in paths if "requestBody" in methods.get("post", {})
    }
    in_json = {
        path: body["content"]["application/json"] for path, body in bodies.items() if "*/*" not in body["content"]
    }
    assert [path for path, content in in_json.items() if not content.get("examples")] == []


def test_every_action_is_named_with_what_it_means() -> None:
    """Built-in ones one by one with the object they need, beside those of a business; older names are told to be so."""
    event = declared_document()["components"]["schemas"]["EventToSend"]["properties"]
    *built_in, older, own = event["action"]["anyOf"]
    assert {each["const"] for each in built_in} == set(CATALOGUE)
    assert all(each["description"].endswith(".") for each in [*built_in, older, own])
    assert {"const": "checkout.started", "description": "The checkout was begun. Needs no object."} in built_in
    assert {
        "const": "coupon.redeemed",
        "description": "A coupon was used. Needs an object, of the type `coupon`.",
    } in built_in
    assert (older["const"], older["deprecated"]) == ("page.visited", True)
    assert event["session_id"]["deprecated"]
    assert not any(event[name].get("deprecated") for name in ("session", "object", "object_parameters", "page"))


async def test_the_document_is_the_one_declared(system: System) -> None:
    """What is served has every route that is declared and no other, readable by pages, and may be kept."""
    async with client_with(system) as client:
        served = await client.get("/openapi.json", headers={"Origin": "https://docs.example.com"})
    assert served.json() == declared_document()
    assert served.headers["access-control-allow-origin"] == "*"
    assert "max-age" in served.headers["cache-control"]


@operations.parametrize()
@bounded
def test_a_server_hears_what_the_document_says(
    case: Case, business: Business, system: System, session: requests.Session
) -> None:
    """With a private token: no 500, and no undocumented answer."""
    answered(case, system, session, business.token)


@operations.parametrize()
@bounded
def test_a_page_hears_what_the_document_says(
    case: Case, business: Business, system: System, session: requests.Session
) -> None:
    """With the public id, likewise."""
    answered(case, system, session, business.id)


@operations.parametrize()
@settings(bounded, max_examples=1)
def test_a_stranger_hears_what_the_document_says(case: Case, system: System, session: requests.Session) -> None:
    """With a credential that nobody has, likewise."""
    answered(case, system, session, "nobody")


def answered(case: Case, system: System, session: requests.Session, credential: str) -> None:
    """Send a case and hold the answer to the document."""
    case.call_and_validate(
        base_url=system.http,
        session=session,
        headers={"Authorization": f"Bearer {credential}"},
        checks=list(CHECKS),
        timeout=ANSWER_SECONDS,
        # A redirect is the answer, where it leads is not.
        allow_redirects=False,
    )
