"""Settings of topics and brokers, asked for and changed over one connection."""

import asyncio
from collections.abc import Mapping
from typing import Any

from callboard.transport.broker import ErrorCode

from .kafka_clients import SECONDS
from .wire import Wire

TOPIC, BROKER = 2, 4
SET, DELETE, APPEND, SUBTRACT = range(4)


async def describe(
    wire: Wire,
    name: str,
    *keys: str,
    type_: int = TOPIC,
    version: int = 2,
    synonyms: bool = False,
) -> dict[str, Any]:
    """Return what a broker tells of a resource: all of its settings, or those named."""
    asked = {"type": type_, "name": name, "keys": list(keys) or None}
    answer = await wire.ask("describe_configs", version, resources=[asked], synonyms=synonyms)
    (resource,) = answer["resources"]
    assert (resource["type"], resource["name"]) == (type_, name)
    return dict(resource)


async def values(wire: Wire, name: str, *keys: str) -> dict[str, str]:
    """Return a topic's settings."""
    resource = await describe(wire, name, *keys)
    assert resource["error_code"] == ErrorCode.NONE
    return {each["name"]: each["value"] for each in resource["configs"]}


async def has(wire: Wire, name: str, **wanted: str) -> None:
    """Wait until a topic's settings are these: a change takes a moment to arrive."""
    settings = {key.replace("_", "."): value for key, value in wanted.items()}
    async with asyncio.timeout(SECONDS):
        while await values(wire, name, *settings) != settings:
            await asyncio.sleep(0.01)


async def alter(
    wire: Wire, name: str, configs: Mapping[str, str | None], *, validate_only: bool = False
) -> int:
    """Replace a topic's settings; return the code."""
    given = [{"name": key, "value": value} for key, value in configs.items()]
    answer = await wire.ask(
        "alter_configs",
        1,
        resources=[{"type": TOPIC, "name": name, "configs": given}],
        validate_only=validate_only,
    )
    return int(answer["resources"][0]["error_code"])


async def change(
    wire: Wire, name: str, *changes: tuple[str, int, str | None], validate_only: bool = False
) -> int:
    """Change single settings of a topic; return the code."""
    given = [{"name": key, "operation": kind, "value": value} for key, kind, value in changes]
    answer = await wire.ask(
        "incremental_alter_configs",
        0,
        resources=[{"type": TOPIC, "name": name, "configs": given}],
        validate_only=validate_only,
    )
    return int(answer["resources"][0]["error_code"])
