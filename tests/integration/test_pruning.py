"""Handled mail removed from mailboxes, on the embedded broker and Apache Kafka."""

import asyncio
import json
import math
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from google.protobuf.wrappers_pb2 import Int64Value
from support.topics_shell import topics_shell, write_program

from callboard import ActorSystem, Entity, handler
from callboard.transport import Inspector, Topics


class Safe(Entity):
    """Adds; its mailbox is one partition, so that offsets are counts."""

    partitions = 1
    state: Int64Value

    @handler
    def add(self, message: Int64Value) -> Int64Value:
        """Add a number."""
        self.state.value += message.value
        return Int64Value(value=self.state.value)


@pytest.fixture
def name() -> str:
    """A system name of the test's own."""
    return f"safe-{uuid.uuid4().hex[:8]}"


async def handled(url: str, name: str, count: int) -> None:
    """Have a node handle further messages, and stop."""
    async with ActorSystem(name, transport=url, entities=[Safe]) as system:
        for _ in range(count):
            await system.entity(Safe, "a").send(Int64Value(value=1))
        async with Inspector(url, name) as inspector, asyncio.timeout(30):
            # The group's progress is its nodes' doing, and can only be asked for.
            while await inspector.lag(Safe):
                await asyncio.sleep(0.05)


async def waiting(url: str, name: str, count: int) -> None:
    """Send messages that nobody handles."""
    async with ActorSystem(name, transport=url, entities=[]) as system:
        for _ in range(count):
            await system.entity(Safe, "a").send(Int64Value(value=1))


@asynccontextmanager
async def in_group(bootstrap: str, name: str) -> AsyncGenerator[AIOKafkaConsumer]:
    """A client that sees the mailbox, and may commit for the group while no node runs."""
    client = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=name, enable_auto_commit=False)
    await client.start()
    try:
        client.assign([TopicPartition(f"{name}.Safe", 0)])
        yield client
    finally:
        await client.stop()


async def start_of(bootstrap: str, name: str) -> int:
    """Return the first offset of the mailbox."""
    at = TopicPartition(f"{name}.Safe", 0)
    async with in_group(bootstrap, name) as client:
        first: dict[TopicPartition, int] = await client.beginning_offsets([at])
        return first[at]


async def test_only_handled_mail_goes_and_the_next_node_carries_on(
    name: str, broker_url: str
) -> None:
    """What waits stays and is handled; the state counts what is gone; again there is nothing."""
    url = f"kafka://{broker_url}"
    await handled(url, name, 5)
    await waiting(url, name, 3)
    topics = Topics(url, name, [Safe])
    (found,) = await topics.prunable(math.inf)
    assert (found.start, found.until, found.why) == (0, 5, "not handled yet")
    assert await start_of(broker_url, name) == 0
    await topics.prune([found])
    assert await start_of(broker_url, name) == 5
    (again,) = await topics.prunable(math.inf)
    assert again.offsets == 0
    await topics.prune([again])
    async with ActorSystem(name, transport=url, entities=[Safe]) as system:
        answer = await system.entity(Safe, "a").ask(Int64Value(value=1), timeout=20.0)
        assert answer.value == 9


async def test_mail_younger_than_asked_for_stays(name: str, broker_url: str) -> None:
    """By the time its sender wrote it."""
    url = f"kafka://{broker_url}"
    await handled(url, name, 4)
    between = time.time() + 0.002
    while time.time() < between:  # records have milliseconds
        await asyncio.sleep(0.001)
    await handled(url, name, 2)
    topics = Topics(url, name, [Safe])
    (found,) = await topics.prunable(between)
    assert (found.until, found.why) == (4, "too young")
    (found,) = await topics.prunable(between - 3600)
    assert found.offsets == 0


async def test_a_position_set_back_meanwhile_holds_the_mail(name: str, broker_url: str) -> None:
    """Between the look and the deed somebody had the group read again from an earlier place."""
    url = f"kafka://{broker_url}"
    await handled(url, name, 5)
    topics = Topics(url, name, [Safe])
    found = await topics.prunable(math.inf)
    assert found[0].until == 5
    async with in_group(broker_url, name) as client:
        await client.commit({TopicPartition(f"{name}.Safe", 0): 2})
    await topics.prune(found)
    assert await start_of(broker_url, name) == 2


async def test_nothing_goes_where_nothing_is_committed(name: str, broker_url: str) -> None:
    """Mail that waits for its first node."""
    url = f"kafka://{broker_url}"
    await waiting(url, name, 3)
    (found,) = await Topics(url, name, [Safe]).prunable(math.inf)
    assert (found.offsets, found.why) == (0, "nothing is committed")


async def test_the_shell_prunes(name: str, broker_url: str, tmp_path: Path) -> None:
    """It asks first, does nothing on a dry run, and keeps a week unless told otherwise."""
    write_program(tmp_path / "safes.py", name, "Safe", 1)
    run = partial(topics_shell(tmp_path, broker_url), "prune", "safes:system")
    absent = await run()
    assert (absent.returncode, "callboard topics plan" in absent.stderr) == (1, True)
    await handled(f"kafka://{broker_url}", name, 5)
    young = await run("--yes")
    assert (young.returncode, "0 offsets removed" in young.stdout) == (0, True)
    dry = await run("--keep", "0s", "--dry-run", "--json")
    assert [(each["start"], each["until"]) for each in json.loads(dry.stdout)] == [(0, 5)]
    no = await run("--keep", "0s", typed="n\n")
    assert (no.returncode, "remove 5 offsets from 1 of 1 partitions?" in no.stdout) == (1, True)
    assert await start_of(broker_url, name) == 0
    yes = await run("--keep", "0s", typed="y\n")
    assert (yes.returncode, "5 offsets removed" in yes.stdout) == (0, True)
    assert await start_of(broker_url, name) == 5
