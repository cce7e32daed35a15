"""Quarantine from outside: the same tests on the embedded broker and on Apache Kafka."""

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value

from callboard import ActorSystem, Entity, InvalidTransportURL, TransportUnavailable, handler
from callboard.supervision import Backoff, RetryPolicy
from callboard.transport import Inspector, Quarantine

broken = {3}


class Box(Entity):
    """Keeps numbers in order, and fails on the broken ones."""

    partitions = 2
    policy = RetryPolicy(max_attempts=1, backoff=Backoff(0.01, 0.05))
    state: ListValue

    @handler
    def number(self, message: Int64Value) -> None:
        """Keep a number."""
        self.state.values.add().number_value = message.value
        if message.value in broken:
            raise ValueError(f"{message.value} is broken")


@pytest.fixture(autouse=True)
def three_is_broken() -> Iterator[None]:
    """Begin each test with a class that fails on 3."""
    broken.clear()
    broken.add(3)
    yield
    broken.clear()


@pytest.fixture
def name() -> str:
    """A system name of the test's own."""
    return f"box-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def url(broker_url: str) -> str:
    """The transport URL of the broker under test."""
    return f"kafka://{broker_url}"


@asynccontextmanager
async def node(name: str, url: str) -> AsyncGenerator[ActorSystem]:
    """A node that runs boxes."""
    async with ActorSystem(name, transport=url, entities=[Box]) as system:
        yield system


async def put(system: ActorSystem, key: str, *numbers: int) -> None:
    """Send numbers."""
    for number in numbers:
        await system.entity(Box, key).send(Int64Value(value=number))


async def settled(inspector: Inspector) -> None:
    """Wait until everything that was sent is handled."""
    async with asyncio.timeout(30):
        while await inspector.lag(Box):
            await asyncio.sleep(0.05)


async def kept(inspector: Inspector, key: str) -> list[float]:
    """Return the numbers an entity has."""
    await settled(inspector)
    state = (await inspector.states(Box))[key]
    return [v.number_value for v in ListValue.FromString(state.value).values]


async def test_what_was_parked_comes_back_in_order_once_the_class_is_mended(
    name: str, url: str
) -> None:
    """Listed, redriven too early, redriven, and later mail behind it."""
    async with node(name, url) as system, Inspector(url, name) as inspector:
        await put(system, "a", 1, 3, 4)
        await put(system, "b", 1, 2)
        await settled(inspector)
        async with Quarantine(url, name) as quarantine:
            assert quarantine.kinds == ["Box"]
            waiting = await quarantine.messages("Box")
            assert [(m.key, m.reason) for m in waiting] == [("a", "failed"), ("a", "behind")]
            (early,) = await quarantine.redrive("Box", ["a"])
            assert (early.handled, early.left) == (0, 2)
            assert early.error == "ValueError('3 is broken')"
            broken.clear()
            await put(system, "a", 5)
            (late,) = await quarantine.redrive("Box")
            assert (late.key, late.handled, late.left) == ("a", 3, 0)
            assert await quarantine.messages("Box") == []
        await put(system, "a", 6)
        assert await kept(inspector, "a") == [1, 3, 4, 5, 6]
        assert not (await inspector.states(Box))["a"].parked


async def test_mail_that_keeps_coming_does_not_overtake(name: str, url: str) -> None:
    """A key is redriven under load: rounds go on until nothing new has been parked."""
    async with node(name, url) as system, Inspector(url, name) as inspector:
        await put(system, "a", 3)
        await settled(inspector)
        broken.clear()
        async with Quarantine(url, name) as quarantine:
            sending = asyncio.create_task(put(system, "a", *range(10, 60)))
            (done,) = await quarantine.redrive("Box", ["a"])
            await sending
        assert done.left == 0
        assert await kept(inspector, "a") == [3, *range(10, 60)]


async def test_a_dropped_message_is_gone_and_the_rest_goes_on(name: str, url: str) -> None:
    """The head is dropped and the others redriven; or all are dropped, and new mail flows."""
    async with node(name, url) as system, Inspector(url, name) as inspector:
        await put(system, "a", 3, 4)
        await put(system, "b", 3, 4)
        await settled(inspector)
        async with Quarantine(url, name) as quarantine:
            head = (await quarantine.messages("Box", "a"))[0]
            with pytest.raises(LookupError, match="no message 77"):
                await quarantine.drop("Box", "a", [77])
            assert await quarantine.drop("Box", "a", [head.offset]) == 1
            assert (await quarantine.redrive("Box", ["a"]))[0].handled == 1
            assert await quarantine.drop("Box", "b") == 2
            assert await quarantine.messages("Box") == []
        await put(system, "a", 5)
        await put(system, "b", 6)
        assert await kept(inspector, "a") == [4, 5]
        assert await kept(inspector, "b") == [6]


async def test_without_a_node_a_redrive_says_so_and_is_done_by_the_next(
    name: str, url: str
) -> None:
    """What was written is handled when a node runs; redriving again does no harm."""
    async with node(name, url) as system, Inspector(url, name) as inspector:
        await put(system, "a", 3, 4)
        await settled(inspector)
    broken.clear()
    async with Quarantine(url, name) as quarantine:
        with pytest.raises(TransportUnavailable, match="redriving again does no harm"):
            await quarantine.redrive("Box", timeout=1.0)
        async with node(name, url), Inspector(url, name) as inspector:
            await quarantine.redrive("Box", timeout=60.0)
            assert await kept(inspector, "a") == [3, 4]


async def test_questions_without_an_answer_are_errors(name: str, url: str) -> None:
    """An unknown kind or key, and a URL that names no cluster."""
    async with node(name, url) as system, Inspector(url, name) as inspector:
        await put(system, "a", 3)
        await settled(inspector)
    async with Quarantine(url, name) as quarantine:
        with pytest.raises(LookupError, match="it has Box"):
            await quarantine.messages("Crate")
        with pytest.raises(LookupError, match="nothing of Box z is in quarantine"):
            await quarantine.redrive("Box", ["z"])
    with pytest.raises(InvalidTransportURL, match="Give the URL of the cluster"):
        Quarantine("memory://", name)


def shell(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "callboard", "quarantine", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"CALLBOARD_TRANSPORT": url, "PATH": "", "COLUMNS": "200"},
    )


async def test_the_shell_lists_shows_redrives_and_drops(name: str, url: str) -> None:
    """Each command, its dry run, and what it says when it is told nonsense."""

    async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(shell, url, *arguments)

    async with node(name, url) as system, Inspector(url, name) as inspector:
        await put(system, "a", 3, 4)
        await put(system, "b", 3)
        await settled(inspector)
        listed: Any = json.loads((await run("list", name, "--json")).stdout)
        assert [(m["kind"], m["key"], m["reason"]) for m in listed] == [
            ("Box", "a", "failed"),
            ("Box", "a", "behind"),
            ("Box", "b", "failed"),
        ]
        assert "Box/a" in (await run("list", name, "Box", "--key", "a")).stdout
        shown = await run("show", name, "Box", "b", "--import", "google.protobuf.wrappers_pb2")
        (message,) = json.loads(shown.stdout)
        assert message["message"] == "3"
        assert message["headers"]["cb_quarantine_reason"] == "failed"
        dry = await run("redrive", name, "Box", "--all", "--dry-run")
        assert "3 messages of 2 entities; nothing was done" in dry.stdout
        assert (await run("redrive", name, "Box", "a")).returncode == 1
        broken.clear()
        assert "Box/a: 2 handled" in (await run("redrive", name, "Box", "a")).stdout
        dry = await run("drop", name, "Box", "b", "--all", "--dry-run")
        assert "1 of 1 would be dropped; nothing was done" in dry.stdout
        assert "1 dropped" in (await run("drop", name, "Box", "b", "--all", "--yes")).stdout
        assert json.loads((await run("list", name, "--json")).stdout) == []
        for wrong, says in (
            (("redrive", name, "Box"), "or say --all"),
            (("drop", name, "Box", "b"), "name the messages with --offset"),
            (("list", name, "Crate"), "it has Box"),
            (("show", name, "Box", "b"), "nothing of it is there"),
        ):
            refused = await run(*wrong)
            assert refused.returncode != 0, wrong
            assert says in refused.stderr, wrong
