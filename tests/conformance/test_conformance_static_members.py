"""Static members: instances that keep their place while their client restarts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiokafka import TopicPartition
from support.kafka_clients import consuming, create_topic, until
from support.wire import Wire, wired
from support.wire_groups import (
    EMPTY,
    PREPARING,
    SHORT_SESSION_MS,
    STABLE,
    Member,
    described,
    in_state,
    members,
    stable,
    subscription,
    waiting,
)

from callboard.transport.broker import ErrorCode

NONE = ErrorCode.NONE
UNKNOWN = ErrorCode.UNKNOWN_MEMBER_ID
FENCED = ErrorCode.FENCED_INSTANCE_ID
REBALANCE = ErrorCode.REBALANCE_IN_PROGRESS


@pytest.fixture
async def pair(broker_url: str) -> AsyncIterator[tuple[Member, Member]]:
    """Give two instances in a stable group: the leader `a` and the follower `b`."""
    async with members(broker_url, 2) as (leader, follower):
        leader.instance, follower.instance = "a", "b"
        await stable(leader, follower)
        yield leader, follower


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Give something that closes what a test opens."""
    async with AsyncExitStack() as opened:
        yield opened


async def again(stack: AsyncExitStack, bootstrap: str, former: Member) -> Member:
    """Return the client of an instance that is started anew and knows nothing."""
    wire = await stack.enter_async_context(wired(bootstrap))
    return Member(wire, former.group, instance=former.instance)


async def test_an_instance_joins_without_being_asked_for_an_id(broker_url: str) -> None:
    """The broker makes one of its name at once, and tells the leader the name."""
    async with members(broker_url, 1, instance="a") as (member,):
        answer = await member.ask_to_join()
    assert (answer["error_code"], answer["generation"]) == (NONE, 1)
    assert answer["member"].startswith("a-")
    assert [each["instance"] for each in answer["members"]] == ["a"]


async def test_instances_are_described(pair: tuple[Member, Member]) -> None:
    """DescribeGroups tells who is which."""
    leader, follower = pair
    found = await described(leader.wire, leader.group)
    assert {each["instance"]: each["id"] for each in found["members"]} == {
        "a": leader.id,
        "b": follower.id,
    }


async def test_an_instance_that_restarts_keeps_its_assignment(
    broker_url: str, pair: tuple[Member, Member], stack: AsyncExitStack
) -> None:
    """It gets a new id in the same generation, and the others notice nothing."""
    leader, follower = pair
    restarted = await again(stack, broker_url, follower)
    answer = await restarted.join()
    assert (answer["error_code"], answer["generation"]) == (NONE, follower.generation)
    assert restarted.id != follower.id
    assert (await described(leader.wire, leader.group))["state"] == STABLE
    assert await restarted.sync() == (NONE, b"1")
    assert await leader.heartbeat() == await restarted.heartbeat() == NONE


async def test_a_leader_that_restarts_is_not_told_that_it_leads(
    broker_url: str, pair: tuple[Member, Member], stack: AsyncExitStack
) -> None:
    """The answer names its former id as the leader's, so that it does not assign anew."""
    leader, follower = pair
    restarted = await again(stack, broker_url, leader)
    answer = await restarted.join()
    assert (answer["generation"], answer["leader"]) == (leader.generation, leader.id)
    assert answer["members"] == []
    assert await restarted.sync() == (NONE, b"0")
    assert await follower.heartbeat() == NONE


async def test_a_leader_that_restarted_still_leads(
    broker_url: str, pair: tuple[Member, Member], stack: AsyncExitStack
) -> None:
    """In the next generation it is named, with its new id, and told of everybody."""
    leader, follower = pair
    restarted = await again(stack, broker_url, leader)
    await restarted.join()
    follower.protocols = {"range": subscription(data=b"changed")}
    async with waiting(follower.join()) as joining:
        await in_state(leader.wire, leader.group, PREPARING, 2)
        answer = await restarted.join()
        assert (await joining)["leader"] == restarted.id
    assert {each["id"] for each in answer["members"]} == {restarted.id, follower.id}


async def test_new_metadata_alone_begins_no_generation(
    broker_url: str, pair: tuple[Member, Member], stack: AsyncExitStack
) -> None:
    """An instance that restarts with other metadata keeps its place if the protocol stays."""
    leader, follower = pair
    restarted = await again(stack, broker_url, follower)
    restarted.protocols = {"range": subscription(data=b"changed")}
    assert (await restarted.join())["generation"] == follower.generation
    assert await leader.heartbeat() == NONE
    found = await described(leader.wire, leader.group)
    told = {each["instance"]: each["metadata"] for each in found["members"]}
    assert told["b"] == subscription(data=b"changed")


async def test_an_instance_that_restarts_before_the_sync_begins_a_generation(
    broker_url: str, stack: AsyncExitStack
) -> None:
    """Nothing has been assigned yet that it could keep."""
    async with members(broker_url, 1, instance="a") as (member,):
        await member.join()
        restarted = await again(stack, broker_url, member)
        answer = await restarted.join()
        assert (answer["generation"], answer["leader"]) == (2, restarted.id)
        assert await member.sync() == (FENCED, b"")
        assert await restarted.sync({restarted.id: b"mine"}) == (NONE, b"mine")


async def test_the_former_self_is_fenced(
    broker_url: str, wire: Wire, pair: tuple[Member, Member], stack: AsyncExitStack
) -> None:
    """FENCED_INSTANCE_ID to whatever it asks in the instance's name."""
    _, follower = pair
    topic = await wire.topic()
    restarted = await again(stack, broker_url, follower)
    await restarted.join()
    assert await follower.heartbeat() == FENCED
    assert await follower.commit(topic) == FENCED
    assert await follower.sync() == (FENCED, b"")
    assert (await follower.ask_to_join())["error_code"] == FENCED
    assert await leaving(wire, follower.group, (follower.id, "b")) == [FENCED]
    assert await restarted.heartbeat() == NONE


async def test_without_its_instance_the_former_self_is_unknown(
    broker_url: str, wire: Wire, pair: tuple[Member, Member], stack: AsyncExitStack
) -> None:
    """UNKNOWN_MEMBER_ID: aiokafka names its instance in join and sync only."""
    _, follower = pair
    topic = await wire.topic()
    await (await again(stack, broker_url, follower)).join()
    assert await follower.heartbeat(version=1) == UNKNOWN
    assert await follower.commit(topic, version=3) == UNKNOWN
    assert await follower.sync(instance=None) == (UNKNOWN, b"")
    assert await follower.leave() == UNKNOWN


async def test_a_former_self_that_waits_is_told(
    broker_url: str, pair: tuple[Member, Member], stack: AsyncExitStack
) -> None:
    """Its held join is answered FENCED_INSTANCE_ID when the instance joins elsewhere."""
    leader, follower = pair
    follower.protocols = {"range": subscription(data=b"changed")}
    async with waiting(follower.join()) as joining:
        await in_state(leader.wire, leader.group, PREPARING, 2)
        restarted = await again(stack, broker_url, follower)
        async with waiting(restarted.join()) as joining_again:
            assert (await joining)["error_code"] == FENCED
            answer = await leader.join()
            assert (await joining_again)["generation"] == answer["generation"]


async def test_a_known_member_may_leave_its_instance_out(
    wire: Wire, pair: tuple[Member, Member]
) -> None:
    """Its member id alone is good for heartbeats and commits."""
    _, follower = pair
    topic = await wire.topic()
    assert await follower.heartbeat(instance=None) == NONE
    assert await follower.commit(topic, instance=None) == NONE


async def test_an_instance_nobody_has_is_unknown(wire: Wire, pair: tuple[Member, Member]) -> None:
    """UNKNOWN_MEMBER_ID, although the member id is right."""
    _, follower = pair
    topic = await wire.topic()
    assert await follower.heartbeat(instance="c") == UNKNOWN
    assert await follower.commit(topic, instance="c") == UNKNOWN
    assert await follower.sync(instance="c") == (UNKNOWN, b"")
    assert (await follower.ask_to_join(instance="c"))["error_code"] == UNKNOWN


async def test_an_instance_leaves_by_its_name(wire: Wire, pair: tuple[Member, Member]) -> None:
    """Whoever looks after the group may let it go without knowing its member id."""
    leader, follower = pair
    assert await leaving(wire, leader.group, ("", "b")) == [NONE]
    assert await leader.heartbeat() == REBALANCE
    assert await follower.heartbeat() == UNKNOWN


async def test_each_of_many_that_leave_has_an_answer(
    wire: Wire, pair: tuple[Member, Member]
) -> None:
    """Unknown ones are told so, and the others leave all the same."""
    leader, follower = pair
    codes = await leaving(
        wire, leader.group, ("", "c"), ("nobody", None), (follower.id, "b"), (leader.id, None)
    )
    assert codes == [UNKNOWN, UNKNOWN, NONE, NONE]
    assert (await described(wire, leader.group))["state"] == EMPTY


async def test_an_instance_leaves_by_its_id(pair: tuple[Member, Member]) -> None:
    """Being static keeps nobody from leaving; that clients do not is their own choice."""
    leader, follower = pair
    assert await follower.leave() == NONE
    assert await leader.heartbeat() == REBALANCE


async def test_a_silent_instance_is_put_out(broker_url: str) -> None:
    """Its place is kept for as long as its session, and no longer."""
    async with members(broker_url, 1, instance="a", session_ms=SHORT_SESSION_MS) as (member,):
        await stable(member)
        await in_state(member.wire, member.group, EMPTY)
        assert await member.heartbeat() == UNKNOWN
        answer = await member.ask_to_join(member="")
        assert answer["error_code"] == NONE
        assert answer["generation"] > member.generation


async def test_aiokafkas_static_member_is_back_at_once(broker_url: str) -> None:
    """A consumer with an instance id that restarts has its partitions, and the other keeps its."""
    topic = await create_topic(broker_url, 4)
    options: dict[str, Any] = {"group_id": f"{topic}-group", "session_timeout_ms": 10_000}
    loop = asyncio.get_running_loop()
    async with consuming(broker_url, topic, group_instance_id="a", **options) as stays:
        async with consuming(broker_url, topic, group_instance_id="b", **options) as restarts:
            await until(lambda: len(restarts.assignment()) == 2, "two partitions each")
            await until(lambda: len(stays.assignment()) == 2, "two partitions each")
            before: set[TopicPartition] = set(restarts.assignment())
        begun = loop.time()
        async with consuming(broker_url, topic, group_instance_id="b", **options) as restarts:
            await until(lambda: bool(restarts.assignment()), "an assignment")
            assert set(restarts.assignment()) == before
        assert len(stays.assignment()) == 2
        assert loop.time() - begun < 5  # it did not wait for the session to end


async def leaving(wire: Wire, group: str, *whom: tuple[str, str | None]) -> list[int]:
    """Let members go by id, instance or both; return the code of each."""
    asked = [{"member": id_, "instance": instance} for id_, instance in whom]
    answer = await wire.ask("leave_group", 3, group=group, members=asked)
    assert answer["error_code"] == NONE
    codes = {(each["member"], each["instance"]): each["error_code"] for each in answer["members"]}
    return [codes[each] for each in whom]
