"""What each state of a group answers to its members, and what becomes of silent ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from support.kafka_clients import SECONDS
from support.wire import Wire
from support.wire_groups import (
    COMPLETING,
    EMPTY,
    NO_GENERATION,
    PREPARING,
    SHORT_SESSION_MS,
    STABLE,
    Member,
    described,
    in_state,
    members,
    new_group,
    stable,
    waiting,
)

from callboard.transport.broker import ErrorCode

NONE = ErrorCode.NONE
UNKNOWN = ErrorCode.UNKNOWN_MEMBER_ID
ILLEGAL = ErrorCode.ILLEGAL_GENERATION
REBALANCE = ErrorCode.REBALANCE_IN_PROGRESS

STATES = (EMPTY, PREPARING, COMPLETING, STABLE)


@pytest.fixture(params=STATES)
async def state(request: pytest.FixtureRequest) -> str:
    """Give each state of a group."""
    return str(request.param)


@pytest.fixture
async def member(broker_url: str, state: str) -> AsyncIterator[Member]:
    """Give a client whose group is in the state; of an empty group it was a member once."""
    async with AsyncExitStack() as stack:
        first, second = await stack.enter_async_context(members(broker_url, 2))
        if state == COMPLETING:
            await first.join()
        else:
            await stable(first)
        if state == EMPTY:
            await first.leave()
        if state == PREPARING:
            await stack.enter_async_context(waiting(second.join()))
        await in_state(first.wire, first.group, state)
        yield first


async def test_a_heartbeat_in_each_state(member: Member, state: str) -> None:
    """Only while members are joining does it say REBALANCE_IN_PROGRESS."""
    expected = {EMPTY: UNKNOWN, PREPARING: REBALANCE}
    assert await member.heartbeat() == expected.get(state, NONE)


async def test_a_commit_in_each_state(wire: Wire, member: Member, state: str) -> None:
    """While members join, the old generation still commits; between join and sync nobody does."""
    topic = await wire.topic()
    expected = {EMPTY: UNKNOWN, COMPLETING: REBALANCE}
    assert await member.commit(topic) == expected.get(state, NONE)


async def test_a_sync_in_each_state(member: Member, state: str) -> None:
    """The leader's makes the group stable, and in a stable one it tells what was assigned."""
    code, share = await member.sync({member.id: b"new"})
    expected = {
        EMPTY: (UNKNOWN, b""),
        PREPARING: (REBALANCE, b""),
        COMPLETING: (NONE, b"new"),
        STABLE: (NONE, b"0"),
    }
    assert (code, share) == expected[state]


async def test_a_wrong_generation_in_each_state(wire: Wire, member: Member, state: str) -> None:
    """ILLEGAL_GENERATION, whether it is past or future."""
    topic = await wire.topic()
    expected = UNKNOWN if state == EMPTY else ILLEGAL
    for generation in (member.generation - 1, member.generation + 1):
        assert await member.heartbeat(generation=generation) == expected
        assert await member.commit(topic, generation=generation) == expected
        assert (await member.sync(generation=generation))[0] == expected


async def test_a_strange_member_in_each_state(wire: Wire, member: Member) -> None:
    """UNKNOWN_MEMBER_ID, whatever the state and the request."""
    topic = await wire.topic()
    for stranger in ("nobody", ""):
        assert await member.heartbeat(member=stranger) == UNKNOWN
        assert await member.commit(topic, member=stranger) == UNKNOWN
        assert (await member.sync(member=stranger))[0] == UNKNOWN
        assert await member.leave(member=stranger) == UNKNOWN


async def test_a_commit_from_outside_in_each_state(wire: Wire, member: Member, state: str) -> None:
    """Without member and generation offsets may be committed only while the group is empty."""
    topic = await wire.topic()
    outside = NONE if state == EMPTY else UNKNOWN
    assert await member.commit(topic, member="", generation=NO_GENERATION) == outside
    half = NONE if state == EMPTY else ILLEGAL
    assert await member.commit(topic, generation=NO_GENERATION) == half


async def test_leaving_in_each_state(member: Member, state: str) -> None:
    """A member may leave whatever goes on, and only once."""
    assert await member.leave() == (UNKNOWN if state == EMPTY else NONE)
    assert await member.leave() == UNKNOWN
    assert await member.heartbeat() == UNKNOWN


async def test_without_a_group_nobody_is_known(wire: Wire) -> None:
    """UNKNOWN_MEMBER_ID of a group that does not exist, as of one that forgot its members."""
    topic, group = await wire.topic(), await new_group(wire)
    nobody = Member(wire, group)
    nobody.id, nobody.generation = "nobody", 1
    assert await nobody.heartbeat() == UNKNOWN
    assert (await nobody.sync())[0] == UNKNOWN
    assert await nobody.leave() == UNKNOWN
    assert await nobody.commit(topic) == ILLEGAL


async def test_requests_need_a_groups_name(wire: Wire) -> None:
    """INVALID_GROUP_ID to heartbeat, sync and leave for a name of no letters."""
    nobody = Member(wire, "")
    nobody.id = "nobody"
    assert await nobody.heartbeat() == ErrorCode.INVALID_GROUP_ID
    assert (await nobody.sync())[0] == ErrorCode.INVALID_GROUP_ID
    assert await nobody.leave() == ErrorCode.INVALID_GROUP_ID


async def test_who_joins_for_the_first_time_may_not_sync_with_the_old(broker_url: str) -> None:
    """While its join is held it belongs to no generation, though its id is known."""
    async with members(broker_url, 3) as (first, second, also_second):
        await stable(first)
        async with waiting(second.join()):
            await in_state(first.wire, first.group, PREPARING, 2)
            also_second.group, also_second.id = second.group, second.id
            assert await also_second.heartbeat(generation=0) == ILLEGAL
            assert await also_second.heartbeat(generation=1) == REBALANCE


async def test_a_follower_syncs_when_the_leader_has(broker_url: str) -> None:
    """What it asks before is answered when the leader brings the assignments."""
    async with members(broker_url, 2) as (leader, follower):
        await both_joined(leader, follower)
        async with waiting(follower.sync()) as syncing:
            assert await leader.heartbeat() == NONE
            assert not syncing.done()
            assert await leader.sync({leader.id: b"a", follower.id: b"b"}) == (NONE, b"a")
            assert await syncing == (NONE, b"b")


async def test_whom_the_leader_forgets_has_nothing(broker_url: str) -> None:
    """A member without a share is assigned no bytes at all; shares of strangers are dropped."""
    async with members(broker_url, 2) as (leader, follower):
        await both_joined(leader, follower)
        assert await leader.sync({"nobody": b"x", leader.id: b"a"}) == (NONE, b"a")
        assert await follower.sync() == (NONE, b"")


async def test_a_rebalance_interrupts_the_sync(broker_url: str) -> None:
    """REBALANCE_IN_PROGRESS to a follower that waits when somebody else joins."""
    async with members(broker_url, 3) as (leader, follower, third):
        await both_joined(leader, follower)
        third.group = leader.group
        async with waiting(follower.sync()) as syncing, waiting(third.join()):
            assert (await syncing)[0] == REBALANCE


async def test_leaving_makes_the_others_join_again(broker_url: str) -> None:
    """They are told by their next heartbeat, and the next generation is theirs alone."""
    async with members(broker_url, 2) as (leader, follower):
        await stable(leader, follower)
        assert await leader.leave() == NONE
        assert await follower.heartbeat() == REBALANCE
        answer = await follower.join()
        assert (answer["leader"], len(answer["members"])) == (follower.id, 1)


async def test_a_silent_member_is_put_out(broker_url: str) -> None:
    """Once its session has ended it is unknown, and the last one leaves an empty group."""
    async with members(broker_url, 1, session_ms=SHORT_SESSION_MS) as (member,):
        await stable(member)
        await in_state(member.wire, member.group, EMPTY)
        assert await member.heartbeat() == UNKNOWN


async def test_heartbeats_keep_a_member(broker_url: str) -> None:
    """The session begins anew with each; the one that sends none is put out beside it."""
    async with members(broker_url, 2, session_ms=SHORT_SESSION_MS) as (alive, silent):
        await stable(alive, silent)
        async with asyncio.timeout(SECONDS):
            while (code := await alive.heartbeat()) == NONE:
                await asyncio.sleep(0.05)
        assert code == REBALANCE
        assert await silent.heartbeat() == UNKNOWN
        assert (await alive.join())["error_code"] == NONE


async def test_commits_keep_a_member(wire: Wire, broker_url: str) -> None:
    """A commit is as good as a heartbeat."""
    topic = await wire.topic()
    async with members(broker_url, 1, session_ms=SHORT_SESSION_MS) as (member,):
        await stable(member)
        loop = asyncio.get_running_loop()
        end = loop.time() + 2 * SHORT_SESSION_MS / 1000
        while loop.time() < end:
            assert await member.commit(topic) == NONE
            await asyncio.sleep(0.05)


async def test_a_held_join_keeps_a_member(broker_url: str) -> None:
    """While it waits for the others it cannot send heartbeats, and is not missed."""
    async with members(broker_url, 2, rebalance_ms=1500) as (slow, waits):
        await stable(slow)
        waits.session_ms = SHORT_SESSION_MS
        answer = await waits.join()  # when the rebalance time-out has put the other out
        assert (answer["error_code"], len(answer["members"])) == (NONE, 1)


async def test_who_does_not_join_again_is_put_out(broker_url: str) -> None:
    """After the rebalance time-out the rest goes on, though it still sends heartbeats."""
    async with members(broker_url, 2, rebalance_ms=600) as (first, second):
        await stable(first)
        async with waiting(second.join()) as joining:
            await in_state(first.wire, first.group, PREPARING, 2)
            async with asyncio.timeout(SECONDS):
                while (code := await first.heartbeat()) == REBALANCE:
                    await asyncio.sleep(0.02)
            answer = await joining
        assert code == UNKNOWN
        assert (answer["leader"], len(answer["members"])) == (second.id, 1)


async def test_the_longest_rebalance_time_out_counts(broker_url: str) -> None:
    """The group waits as long as its most patient member allows, even if that is the newest."""
    async with members(broker_url, 2, rebalance_ms=600) as (first, second):
        await stable(first)
        second.rebalance_ms = 1200
        begun = asyncio.get_running_loop().time()
        answer = await second.join()
        assert len(answer["members"]) == 1
        assert asyncio.get_running_loop().time() - begun > 1.0


async def test_without_a_rebalance_time_out_the_session_counts(broker_url: str) -> None:
    """Version 0 of a join does not have it."""
    async with members(broker_url, 2, session_ms=SHORT_SESSION_MS) as (first, second):
        first.id = (await first.ask_to_join(version=0))["member"]
        first.generation = 1
        await first.sync({first.id: b""})
        begun = asyncio.get_running_loop().time()
        async with waiting(second.ask_to_join(version=0)) as joining:
            async with asyncio.timeout(SECONDS):
                while (code := await first.heartbeat()) in {NONE, REBALANCE}:
                    await asyncio.sleep(0.02)
            assert code == UNKNOWN
            assert len((await joining)["members"]) == 1
        assert asyncio.get_running_loop().time() - begun < SECONDS / 2


async def test_a_leader_that_dies_before_its_sync_is_replaced(broker_url: str) -> None:
    """Followers that wait for it are told to join again; their own sessions begin anew."""
    async with members(broker_url, 2, session_ms=SHORT_SESSION_MS) as (leader, follower):
        await both_joined(leader, follower)
        assert await follower.sync() == (REBALANCE, b"")
        assert await follower.heartbeat() == REBALANCE
        answer = await follower.join()
        assert (answer["leader"], len(answer["members"])) == (follower.id, 1)


async def test_who_joined_and_does_not_sync_is_put_out(broker_url: str) -> None:
    """After the rebalance time-out, though it sends heartbeats: it never asks for its share."""
    async with members(broker_url, 2, rebalance_ms=600) as (leader, follower):
        await both_joined(leader, follower)
        await leader.sync({leader.id: b"a", follower.id: b"b"})
        async with asyncio.timeout(SECONDS):
            while (code := await follower.heartbeat()) == NONE:
                await asyncio.sleep(0.02)
        assert code == UNKNOWN
        assert len((await described(leader.wire, leader.group))["members"]) == 1


async def both_joined(leader: Member, follower: Member) -> None:
    """Bring two clients to where both have joined and neither has synced."""
    await leader.join()
    async with waiting(follower.join()) as joining:
        await in_state(leader.wire, leader.group, PREPARING, 2)
        await leader.join()
        await joining
