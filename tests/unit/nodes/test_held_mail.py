"""Mail for a node that is not there yet: it waits, and leaves in the order it was given."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest
from google.protobuf.wrappers_pb2 import Int64Value

from callboard import ActorSystem, NodeUnreachable, TransportClosed
from callboard.actors import Address
from callboard.schemas import Heartbeat, TypeRegistry
from callboard.testing import run_virtual
from callboard.transport.delivery import Codec
from callboard.transport.nodes import Lost, Make, Membership, Post, Replies

AT = Address("shop", "far", ("user", "greeter"), "")


class _Written:
    """Implements `Sender`: keeps what it is given, and has acknowledged it at once."""

    def __init__(self) -> None:
        self.values: list[int] = []

    def _take(self, make: Make) -> None:
        record = make("id")
        self.values.append(Int64Value.FromString(record.value or b"").value)

    def post(self, make: Make, lost: Lost | None = None) -> None:
        self._take(make)

    def put(self, make: Make, done: asyncio.Future[None]) -> None:
        self._take(make)
        done.set_result(None)

    def post_record(self, record: object) -> None:
        raise AssertionError("no answers here")

    async def send(self, make: Make) -> None:
        self._take(make)

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 as the protocol has it
        raise AssertionError("not stopped here")


class _Desk:
    """A post of a node that has heard nothing yet."""

    def __init__(self, system: ActorSystem) -> None:
        self.members = Membership("near", "r1", timeout=3.0, interval=0.5)
        self.written = _Written()
        self.post = Post(
            system,
            Codec(TypeRegistry()),
            self.written,
            replies=cast("Replies", None),
            membership=self.members,
            ready=self._ready,
        )

    async def _ready(self) -> None: ...

    def comes(self) -> None:
        """Let the other node be heard for the first time."""
        list(self.members.heard(Heartbeat(node="far", run="r1"), 1.0))
        self.post.up("far")

    def sends(self, *numbers: int) -> list[asyncio.Task[None]]:
        """Begin to send numbers side by side."""
        return [asyncio.create_task(self.post.send(AT, Int64Value(value=n))) for n in numbers]


def with_desk(scenario: Callable[[_Desk], object]) -> None:
    """Run a scenario in virtual time."""

    async def main() -> None:
        async with ActorSystem("shop", node="near") as system:
            result = scenario(_Desk(system))
            assert asyncio.iscoroutine(result)
            await result

    run_virtual(main())


def test_what_is_sent_side_by_side_leaves_in_its_order() -> None:
    """Among what is told, too, and before what is sent once the node is there."""

    async def scenario(desk: _Desk) -> None:
        first = desk.sends(*range(20))
        await asyncio.sleep(0.013)
        desk.post.tell(AT, Int64Value(value=20))
        second = desk.sends(*range(21, 40))
        await asyncio.sleep(0.5)
        assert desk.written.values == []
        desk.comes()
        third = desk.sends(40, 41)
        await asyncio.gather(*first, *second, *third)
        assert desk.written.values == list(range(42))

    with_desk(scenario)


def test_who_is_cancelled_meanwhile_sends_nothing() -> None:
    """The others do."""

    async def scenario(desk: _Desk) -> None:
        tasks = desk.sends(1, 2, 3)
        await asyncio.sleep(0.1)
        tasks[1].cancel()
        await asyncio.sleep(0)
        desk.comes()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert desk.written.values == [1, 3]

    with_desk(scenario)


def test_a_node_that_does_not_come_ends_the_wait() -> None:
    """Each sender is told which node it was, and why."""

    async def scenario(desk: _Desk) -> None:
        tasks = desk.sends(1, 2)
        await asyncio.sleep(0.1)
        desk.post.gone("far", "it was never heard of")
        for task in tasks:
            with pytest.raises(NodeUnreachable, match=r"far.*never heard of"):
                await task
        assert desk.post.awaited == []

    with_desk(scenario)


def test_closing_ends_the_wait() -> None:
    """Also of who comes after."""

    async def scenario(desk: _Desk) -> None:
        tasks = desk.sends(1)
        await asyncio.sleep(0.1)
        desk.post.close()
        for task in [*tasks, *desk.sends(2)]:
            with pytest.raises(TransportClosed):
                await task

    with_desk(scenario)
