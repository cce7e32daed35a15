"""A consumer's quarantine and the way back: the same tests on both brokers."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from google.protobuf.wrappers_pb2 import Int64Value
from support.consuming import (
    QUICK,
    fresh,
    make_topic,
    number,
    parked,
    shop,
    until,
    until_parked,
    write,
)

from callboard import ActorSystem, ConsumerContext, Skip
from callboard.transport import Quarantine


class Workshop:
    """A consumer in one of its ways, that fails on broken numbers, and what it did."""

    def __init__(self, broker_url: str, way: str) -> None:
        self.url = broker_url
        self.way = way
        self.name = fresh("shop")
        self.topic = fresh("orders")
        self.broken = {5}
        self.skipped: set[int] = set()
        self.done: list[int] = []

    def _take(self, value: int) -> None:
        if value in self.skipped:
            raise Skip(f"{value} is not wanted")
        if value in self.broken:
            raise ValueError(f"{value} is broken")
        self.done.append(value)

    @asynccontextmanager
    async def node(self) -> AsyncGenerator[ActorSystem]:
        """Run a node."""
        system = shop(self.url, self.name)
        key = _own_key if self.way == "keyed" else None
        consumer = system.consumer(self.topic, retry=QUICK, name="on_order", key=key)
        ways: dict[str, Callable[[], None]] = {
            "plain": lambda: _keep(consumer(self.plain)),
            "keyed": lambda: _keep(consumer(self.plain)),
            "async": lambda: _keep(consumer(self.asynchronous)),
            "batch": lambda: _keep(consumer(self.batch)),
        }
        ways[self.way]()
        async with system:
            yield system

    def plain(self, message: Int64Value) -> None:
        """Take one at once."""
        self._take(message.value)

    async def asynchronous(self, message: Int64Value, context: ConsumerContext) -> None:
        """Take one, by and by."""
        await asyncio.sleep(0.001)
        self._take(message.value)

    def batch(self, messages: list[Int64Value], context: ConsumerContext) -> None:
        """Take all or none."""
        before = list(self.done)
        try:
            for message in messages:
                self._take(message.value)
        except (ValueError, Skip):
            self.done[:] = before
            raise

    async def fill(self, *numbers: int, key: str | None = None) -> None:
        """Write numbers; those of one last digit have one key, which may not be the record's."""
        own = "r" if self.way == "keyed" else "k"
        rows = [(key or f"{own}{n % 4}", number(n)) for n in numbers]
        await write(self.url, self.topic, rows)

    async def ready(self) -> None:
        """Make the topic."""
        await make_topic(self.url, self.topic)


def _own_key(message: Int64Value) -> str:
    return f"k{message.value % 4}"


def _keep(function: object) -> None:
    assert function is not None


@pytest.fixture(params=["plain", "keyed", "async", "batch"])
async def workshop(request: pytest.FixtureRequest, broker_url: str) -> Workshop:
    """A consumer in each of its ways."""
    made = Workshop(broker_url, request.param)
    await made.ready()
    return made


def desk(workshop: Workshop) -> Quarantine:
    """Return the quarantine of the system under test."""
    return Quarantine(f"kafka://{workshop.url}", workshop.name)


def of_key(workshop: Workshop, rest: int) -> list[int]:
    """Return what was done of one key, in order."""
    return [n for n in workshop.done if n % 4 == rest]


async def test_messages_come_back_in_their_order_and_ahead_of_newer_ones(
    workshop: Workshop,
) -> None:
    """The topic they came from is not written to; the key is free from then on, for good."""
    async with workshop.node():
        await workshop.fill(*range(16))
        await until_parked(workshop.url, workshop.name, 3)
        workshop.broken.clear()
        async with desk(workshop) as quarantine:
            (done,) = await quarantine.redrive("on_order")
        await workshop.fill(17, 21)
        await until(lambda: 21 in workshop.done)
    async with workshop.node():
        await workshop.fill(25)
        await until(lambda: 25 in workshop.done)

    assert (done.key, done.handled, done.left) == ("k1", 3, 0)
    assert of_key(workshop, 1) == [1, 5, 9, 13, 17, 21, 25]
    assert sorted(workshop.done) == sorted([*range(16), 17, 21, 25])
    assert await parked(workshop.url, workshop.name, "on_order") == []


async def test_what_fails_again_keeps_its_place(workshop: Workshop) -> None:
    """And so does what is behind it; the next redrive finds them as they were."""
    workshop.broken = {5, 9}
    async with workshop.node():
        await workshop.fill(*range(16))
        await until_parked(workshop.url, workshop.name, 3)
        workshop.broken = {9}
        async with desk(workshop) as quarantine:
            (first,) = await quarantine.redrive("on_order", ["k1"])
            workshop.broken = set()
            (second,) = await quarantine.redrive("on_order", ["k1"])

    assert (first.handled, first.left) == (1, 2)
    assert "9 is broken" in first.error
    assert (second.handled, second.left) == (2, 0)
    assert of_key(workshop, 1) == [1, 5, 9, 13]


async def test_mail_that_comes_meanwhile_waits(workshop: Workshop) -> None:
    """Whether it was parked behind or is held: it is handled after what comes back."""
    async with workshop.node():
        await workshop.fill(*range(8))
        await until_parked(workshop.url, workshop.name, 1)
        workshop.broken.clear()

        async def more() -> None:
            for n in range(9, 89, 4):
                await workshop.fill(n)

        writing = asyncio.create_task(more())
        async with desk(workshop) as quarantine:
            while not writing.done() or 85 not in workshop.done:
                async with asyncio.timeout(30):
                    if await quarantine.messages("on_order"):
                        await quarantine.redrive("on_order")
                await asyncio.sleep(0.02)
        await writing

    assert of_key(workshop, 1) == [1, 5, *range(9, 89, 4)]


async def test_dropping_the_last_one_frees_the_key(workshop: Workshop) -> None:
    """What is dropped is never handled; what is skipped on its way back is gone, too."""
    async with workshop.node():
        await workshop.fill(*range(16))
        await until_parked(workshop.url, workshop.name, 3)
        async with desk(workshop) as quarantine:
            first, *_ = await quarantine.messages("on_order")
            assert await quarantine.drop("on_order", "k1", [first.offset]) == 1
            workshop.skipped = {9}
            await quarantine.redrive("on_order")
            await workshop.fill(17)
            await until(lambda: 17 in workshop.done)
            workshop.broken = {21}
            await workshop.fill(21)
            await until_parked(workshop.url, workshop.name, 1)
            assert await quarantine.drop("on_order", "k1") == 1
            async with asyncio.timeout(20):
                while 25 not in workshop.done:  # the request takes a moment to be read
                    await workshop.fill(25)
                    await asyncio.sleep(0.3)
                    for key in {each.key for each in await quarantine.messages("on_order")}:
                        # The release that the last drop asked for may bring it back first.
                        with contextlib.suppress(LookupError):
                            await quarantine.drop("on_order", key)
        assert of_key(workshop, 1)[:4] == [1, 13, 17, 25]


async def test_messages_without_a_key_come_back(workshop: Workshop) -> None:
    """They belong to nobody, and hold up nobody."""
    async with workshop.node():
        await write(workshop.url, workshop.topic, [(None, number(n)) for n in (4, 5, 6)])
        await until(lambda: sorted(workshop.done) == [4, 6])
        await until_parked(workshop.url, workshop.name, 1)
        workshop.broken.clear()
        async with desk(workshop) as quarantine:
            (done,) = await quarantine.redrive("on_order")
    assert (done.key, done.handled) == ("k1" if workshop.way == "keyed" else "", 1)
    assert sorted(workshop.done) == [4, 5, 6]
