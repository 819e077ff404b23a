"""The obvious version, as a contender: await Redis, await an INSERT, redirect."""

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse
from redis.asyncio import Redis

CLICK = "INSERT INTO clicks (id, code, session, clicked_at, address, user_agent) VALUES ($1, $2, $3, $4, $5, $6)"
EVENT = """
    INSERT INTO events (business_id, received_at, id, action, session, credential, occurred_at, metadata, page, address,
        user_agent)
    VALUES ('demo', $1, $2, $3, $4, 'private', $1, $5, $6, $7, $8)
"""


@asynccontextmanager
async def stores(app: FastAPI) -> AsyncIterator[None]:
    """Hold the stores open."""
    app.state.links = Redis.from_url(os.environ["PLAIN_REDIS_URL"], decode_responses=True)
    app.state.rows = await asyncpg.create_pool(os.environ["PLAIN_POSTGRES_URL"], min_size=10, max_size=10)
    yield
    await app.state.rows.close()
    await app.state.links.aclose()


app = FastAPI(lifespan=stores)


@app.get("/readyz")
async def ready() -> dict[str, bool]:
    """Say that it serves."""
    return {"ready": True}


@app.get("/{code}")
async def follow(code: str, request: Request) -> RedirectResponse:
    """Redirect a click."""
    destination = await app.state.links.get(code)
    if destination is None:
        raise HTTPException(404)
    session = secrets.token_hex(16)
    address = request.client.host if request.client else None
    agent = request.headers.get("user-agent")
    await app.state.rows.execute(CLICK, uuid4(), code, session, datetime.now(UTC), address, agent)
    return RedirectResponse(f"{destination}&hellotext_session={session}&hello_session={session}", 302)


@app.post("/v1/attribution/events")
async def track(request: Request) -> dict[str, Any]:
    """Store an event: whose it is, whether it is right and whether it was there before, nobody looks at."""
    event = await request.json()
    identifier = uuid4()
    texts = [json.dumps(event[name]) if name in event else None for name in ("metadata", "page")]
    address = request.client.host if request.client else ""
    agent = request.headers.get("user-agent", "")
    await app.state.rows.execute(
        EVENT, datetime.now(UTC), identifier, event["action"], event["session"], *texts, address, agent
    )
    return {"id": str(identifier), "status": "received"}
