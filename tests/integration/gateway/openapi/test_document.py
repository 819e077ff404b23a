"""The document of the API, and what stands beside the API."""

import httpx
import pytest

from tests.contract.declared import declared_document
from tests.support.gateway.answers import faults_of


async def test_the_document_lists_what_is_served(server: httpx.AsyncClient) -> None:
    """Every declared route and no other; pages may read it, and caches keep it for a while."""
    response = await server.get("/openapi.json")
    assert response.status_code == 200
    assert response.json() == declared_document()
    assert response.headers["cache-control"] == "public, max-age=300"
    assert response.headers["access-control-allow-origin"] == "*"


async def test_every_route_of_the_document_is_there(server: httpx.AsyncClient) -> None:
    """Another method than a path has is refused with those that the document names."""
    for path, methods in declared_document()["paths"].items():
        response = await server.put(path.replace("{", "").replace("}", ""))
        assert response.status_code == 405, path
        allowed = set(response.headers["allow"].split(", ")) - {"OPTIONS"}
        assert {method.upper() for method in methods} <= allowed, path


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/robots.txt", "/favicon.ico"])
async def test_own_paths_refuse_other_methods(server: httpx.AsyncClient, path: str) -> None:
    """In the form of the API's errors."""
    response = await server.post(path)
    assert response.status_code == 405
    assert faults_of(response) == [("invalid", None)]
    assert (await server.head(path)).content == b""


async def test_a_pixel_is_told_in_json_what_was_refused(server: httpx.AsyncClient) -> None:
    """Where that is asked for; the form of its errors is that of all others."""
    response = await server.get("/v1/track/pixel.gif?session=abcdefgh", headers={"Accept": "application/json"})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/json"
