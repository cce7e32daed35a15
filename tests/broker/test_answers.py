"""Answers as they are handed to the connection."""

import asyncio
import struct
from typing import Any

import pytest
from support.wire import wired

from callboard.transport.broker import Broker
from callboard.transport.broker._frames import encode
from callboard.transport.broker.wire import APIS


def test_an_answer_may_end_with_nothing() -> None:
    """That to a member without partitions does."""
    (api,) = (each for each in APIS.values() if each.name == "sync_group")
    parts = encode(api, 0, 7, {"error_code": 0, "assignment": b""})
    assert b"".join(parts) == struct.pack(">iihi", 10, 7, 0, 0)


async def test_no_answer_is_handed_over_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some releases of Python forget something about them, or never get done with an empty end."""
    transport: Any = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
    handed: list[str] = []

    def in_parts(_: object, parts: list[bytes]) -> None:
        handed.append(f"{len(parts)} parts")

    monkeypatch.setattr(transport, "writelines", in_parts)
    async with Broker() as broker, wired(broker.bootstrap) as wire:
        answer = await wire.ask(
            "sync_group", 0, group="g", generation=1, member="m", assignments=[]
        )
    assert answer["assignment"] == b""
    assert not handed
