"""The running system against its own document: whatever is sent, the answer is one that the document has."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi import checks

from tests.contract.declared import declared_document
from tests.e2e.businesses import Business, make_business
from tests.e2e.conftest import System

# Only ends a test that would never end.
ANSWER_SECONDS = 120
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

schema = schemathesis.openapi.from_dict(
    declared_document(),
    config=SchemathesisConfig(
        seed=SEED, projects=ProjectsConfig(default=ProjectConfig(generation=GenerationConfig(deterministic=True)))
    ),
)
# Streams answer for as long as somebody listens.
PATHS = [path for path in schema if not path.endswith("/stream")]
OPERATIONS = [f"{method.upper()} {path}" for path in PATHS for method in schema[path]]
# An operation's cases are made when its test runs: made for all of them when tests are collected, they would cost every
# run of any test seconds, and every worker again.
one_operation = schemathesis.pytest.from_fixture("operation")
# Beside these, every boundary of every parameter and field is tried once.
bounded = settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(params=OPERATIONS)
def operation(request: pytest.FixtureRequest) -> "schemathesis.BaseSchema":
    """Return the document with one operation alone."""
    return schema.include(name=request.param)


@pytest.fixture(scope="module")
def business(system: System) -> Business:
    """Return a business for this alone: the tests leave a lot behind."""
    return asyncio.run(make_business(system))


async def test_the_document_is_the_one_declared(system: System) -> None:
    """What is served has every route that is declared and no other, readable by pages, and may be kept."""
    async with httpx.AsyncClient(base_url=system.http) as client:
        served = await client.get("/openapi.json", headers={"Origin": "https://docs.example.com"})
    assert served.json() == declared_document()
    assert served.headers["access-control-allow-origin"] == "*"
    assert "max-age" in served.headers["cache-control"]


@one_operation.parametrize()
@bounded
def test_a_server_hears_what_the_document_says(
    case: "schemathesis.Case[Any]", business: Business, system: System
) -> None:
    """With a private token: no 500, and no undocumented answer."""
    answered(case, system, business.token)


@one_operation.parametrize()
@bounded
def test_a_page_hears_what_the_document_says(
    case: "schemathesis.Case[Any]", business: Business, system: System
) -> None:
    """With the public id, likewise."""
    answered(case, system, business.id)


@one_operation.parametrize()
@settings(bounded, max_examples=1)
def test_a_stranger_hears_what_the_document_says(case: "schemathesis.Case[Any]", system: System) -> None:
    """With a credential that nobody has, likewise."""
    answered(case, system, "nobody")


def answered(case: "schemathesis.Case[Any]", system: System, credential: str) -> None:
    """Send a case and hold the answer to the document."""
    headers = {"Authorization": f"Bearer {credential}"}
    case.call_and_validate(base_url=system.http, headers=headers, checks=list(CHECKS), timeout=ANSWER_SECONDS)
