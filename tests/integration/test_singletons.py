"""Actors of which two nodes have one together."""

import asyncio
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from support.neighbors import Caller, letters, two
from support.small_apps import within

from callboard import Actor, ActorFailed, ActorRef, AskTimeout, MailboxFull, handler


class Clock(Actor):
    """Is there once."""

    @handler
    def where(self, message: Empty) -> StringValue:
        """Say where."""
        return StringValue(value=self.context.system.node)

    @handler
    def stop_it(self, message: Int64Value) -> None:
        """Stop, or fail."""
        if message.value < 0:
            raise ValueError("below zero")
        self.context.stop()


class Other(Actor):
    """Not the clock."""


async def test_a_singleton_is_one_for_all(broker_url: str) -> None:
    """Mail waits until somebody runs it; it restarts in place, is watched, and moves."""
    heard: list[Any] = []
    async with two(broker_url) as (one, other):
        address = f"callboard://{one.name}/singletons/clock"
        early = asyncio.create_task(one.ref(address).ask(Empty(), timeout=20.0))
        sent = asyncio.create_task(one.ref(address).send(Empty()))
        await asyncio.sleep(0.2)
        assert not early.done()
        clock = other.singleton(Clock, name="clock")
        assert clock.address == address
        assert other.singleton(Clock, name="clock") == clock
        with pytest.raises(ValueError, match="is a Clock already"):
            other.singleton(Other, name="clock")
        assert (await early).value == "other"
        await sent
        with pytest.raises(ActorFailed):
            await one.ref(address).ask(Int64Value(value=-1), timeout=20.0)
        assert (await one.ref(address).ask(Empty(), timeout=20.0)).value == "other"
        one.singleton(Clock, name="clock")
        caller = one.spawn(Caller, address, heard)
        await caller.ask(StringValue(value="watch"), timeout=20.0)
        for act in (one.stop, one.kill):
            with pytest.raises(TypeError, match="is a singleton"):
                act(clock)
        other.terminate()
        await other.wait_stopped()
        assert (await one.ref(address).ask(Empty(), timeout=20.0)).value == "one"
        await within(30.0, lambda: bool(heard))
        assert heard[0].ref == clock


async def test_a_singleton_that_nobody_runs_is_said_to_be(broker_url: str) -> None:
    """A watcher hears it at once, an ask at its deadline; a thousand messages wait, no more."""
    heard: list[Any] = []
    async with two(broker_url) as (one, _):
        lost = letters(one)
        address = f"callboard://{one.name}/singletons/nobody"
        nobody = one.ref(address)
        caller = one.spawn(Caller, address, heard)
        await caller.ask(StringValue(value="watch"), timeout=20.0)
        await within(30.0, lambda: bool(heard))
        with pytest.raises(AskTimeout):
            await nobody.ask(Empty(), timeout=0.2)
        for _ in range(1_001):
            nobody.tell(Empty())
        assert isinstance(nobody, ActorRef)
        assert one.mailbox(nobody).waiting == 1_000
        assert "wait already for somebody to run it" in lost[-1].reason
        with pytest.raises(MailboxFull):
            await nobody.ask(Empty(), timeout=5.0)
    assert sum("before anybody ran it" in each.reason for each in lost) >= 999
