"""The least that a FastAPI application can do."""

from __future__ import annotations

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def hello() -> dict[str, str]:
    """Say hello."""
    return {"hello": "world"}
