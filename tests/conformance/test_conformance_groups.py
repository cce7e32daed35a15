"""Joining a consumer group: ids, generations, leaders and the protocol that is chosen."""

import asyncio
from collections.abc import Sequence

import pytest
from support.wire import Wire
from support.wire_groups import (
    COMPLETING,
    EMPTY,
    NO_GENERATION,
    PREPARING,
    STABLE,
    Member,
    described,
    in_state,
    members,
    new_group,
    stable,
    subscription,
    waiting,
)

from callboard.transport.broker import ErrorCode


@pytest.fixture
async def member(wire: Wire) -> Member:
    """Give a client of a new group."""
    return Member(wire, await new_group(wire))


@pytest.mark.parametrize("version", [4, 5])
async def test_a_first_join_is_answered_with_an_id(member: Member, version: int) -> None:
    """MEMBER_ID_REQUIRED comes with the id to join with, which begins with the client's name."""
    answer = await member.ask_to_join(version=version)
    assert answer["error_code"] == ErrorCode.MEMBER_ID_REQUIRED
    assert answer["generation"] == NO_GENERATION
    assert answer["member"].startswith("wire-")


@pytest.mark.parametrize("version", [0, 1, 2, 3])
async def test_old_versions_join_without_an_id(member: Member, version: int) -> None:
    """Before version 4 the id comes with the answer of the join itself."""
    answer = await member.ask_to_join(version=version)
    assert (answer["error_code"], answer["generation"]) == (ErrorCode.NONE, 1)
    assert answer["member"].startswith("wire-")


async def test_the_only_member_leads_generation_1(member: Member) -> None:
    """It is told of itself, as its metadata says."""
    member.protocols = {"range": subscription("t", data=b"mine")}
    answer = await member.join()
    assert (answer["error_code"], answer["generation"]) == (ErrorCode.NONE, 1)
    assert (answer["protocol"], answer["leader"]) == ("range", member.id)
    assert answer["members"] == [
        {"id": member.id, "instance": None, "metadata": subscription("t", data=b"mine")}
    ]


async def test_a_group_exists_from_the_first_join_on(member: Member) -> None:
    """Even while the join still lacks its id: the group is there, and empty."""
    await member.ask_to_join()
    await in_state(member.wire, member.group, EMPTY, 0)


async def test_a_group_needs_a_name(member: Member) -> None:
    """INVALID_GROUP_ID for a name of no letters."""
    answer = await member.ask_to_join(group="")
    assert answer["error_code"] == ErrorCode.INVALID_GROUP_ID


@pytest.mark.parametrize("session_ms", [-1, 0, 1, 50, 1_800_001])
async def test_session_time_outs_have_bounds(member: Member, session_ms: int) -> None:
    """INVALID_SESSION_TIMEOUT below the broker's least and above its largest, half an hour.

    The least is 100 ms in the embedded broker and 6 s in Apache Kafka, which our tests set to
    500 ms: clients of tests want to be missed soon.
    """
    answer = await member.ask_to_join(session_timeout_ms=session_ms)
    assert answer["error_code"] == ErrorCode.INVALID_SESSION_TIMEOUT


async def test_the_longest_session_is_half_an_hour(member: Member) -> None:
    """1,800,000 ms are taken."""
    member.session_ms = 1_800_000
    assert (await member.join())["error_code"] == ErrorCode.NONE


@pytest.mark.parametrize("version", [3, 5])
async def test_a_member_needs_a_protocol(member: Member, version: int) -> None:
    """INCONSISTENT_GROUP_PROTOCOL for a list without any."""
    answer = await member.ask_to_join(protocols=[], version=version)
    assert answer["error_code"] == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


async def test_a_member_needs_a_protocol_type(member: Member) -> None:
    """INCONSISTENT_GROUP_PROTOCOL at once; no id is handed out before."""
    answer = await member.ask_to_join(protocol_type="")
    assert answer["error_code"] == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


async def test_an_id_must_have_been_handed_out(member: Member) -> None:
    """UNKNOWN_MEMBER_ID for one of the client's own making, and the answer repeats it."""
    answer = await member.ask_to_join(member="of-my-own")
    assert (answer["error_code"], answer["member"]) == (ErrorCode.UNKNOWN_MEMBER_ID, "of-my-own")
    await member.join()
    answer = await member.ask_to_join(member="of-my-own")
    assert answer["error_code"] == ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.parametrize("version", [3, 5])
async def test_a_stranger_with_other_protocols_is_refused(broker_url: str, version: int) -> None:
    """INCONSISTENT_GROUP_PROTOCOL without an id, and the group goes on undisturbed."""
    async with members(broker_url, 2) as (first, second):
        await stable(first)
        second.protocols = {"sticky": subscription()}
        answer = await second.ask_to_join(version=version)
        assert answer["error_code"] == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
        assert answer["member"] == ""
        assert await first.heartbeat() == ErrorCode.NONE


async def test_a_group_has_one_protocol_type(broker_url: str) -> None:
    """INCONSISTENT_GROUP_PROTOCOL for a second type, though its protocols have known names."""
    async with members(broker_url, 2) as (first, second):
        await stable(first)
        answer = await second.ask_to_join(protocol_type="connect")
        assert answer["error_code"] == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


async def test_an_empty_group_may_change_its_type(broker_url: str) -> None:
    """Once everybody has left, the next to come decides."""
    async with members(broker_url, 2) as (first, second):
        await stable(first)
        await first.leave()
        second.protocols = {"sticky": b"anything"}
        answer = await second.join(protocol_type="connect")
        assert (answer["error_code"], answer["protocol"]) == (ErrorCode.NONE, "sticky")
        assert (await described(second.wire, second.group))["protocol_type"] == "connect"


async def test_a_second_member_makes_the_first_join_again(broker_url: str) -> None:
    """Both joins are answered together: the next generation, led by the first."""
    async with members(broker_url, 2) as (first, second):
        await stable(first)
        async with waiting(second.join()) as joining:
            await in_state(first.wire, first.group, PREPARING, 2)
            leaders = await first.join()
            followers = await joining
        assert leaders["generation"] == followers["generation"] == 2
        assert leaders["leader"] == followers["leader"] == first.id
        assert {each["id"] for each in leaders["members"]} == {first.id, second.id}
        assert followers["members"] == []


async def test_a_pending_id_does_not_disturb_a_stable_group(broker_url: str) -> None:
    """Whoever has only been handed an id is no member yet."""
    async with members(broker_url, 2) as (first, second):
        await stable(first)
        await second.ask_to_join()
        found = await described(first.wire, first.group)
        assert (found["state"], len(found["members"])) == (STABLE, 1)
        assert await first.heartbeat() == ErrorCode.NONE


async def test_a_pending_id_may_leave(member: Member) -> None:
    """Afterwards it is unknown, to leave and to join."""
    member.id = (await member.ask_to_join())["member"]
    assert await member.leave() == ErrorCode.NONE
    assert await member.leave() == ErrorCode.UNKNOWN_MEMBER_ID
    assert (await member.ask_to_join())["error_code"] == ErrorCode.UNKNOWN_MEMBER_ID


async def test_a_pending_id_is_good_for_nothing_else(member: Member) -> None:
    """UNKNOWN_MEMBER_ID to heartbeat and sync until it has joined."""
    member.id = (await member.ask_to_join())["member"]
    assert await member.heartbeat(generation=0) == ErrorCode.UNKNOWN_MEMBER_ID
    assert await member.sync(generation=0) == (ErrorCode.UNKNOWN_MEMBER_ID, b"")


async def test_a_rebalance_waits_for_pending_ids(broker_url: str) -> None:
    """Until they have joined, or not within their session: then they are forgotten."""
    async with members(broker_url, 2) as (member, pending):
        await stable(member)
        pending.session_ms = 600
        pending.id = (await pending.ask_to_join())["member"]
        begun = asyncio.get_running_loop().time()
        answer = await member.join()
        assert asyncio.get_running_loop().time() - begun > 0.4
        assert len(answer["members"]) == 1
        assert (await pending.ask_to_join())["error_code"] == ErrorCode.UNKNOWN_MEMBER_ID


async def test_a_leader_that_joins_again_begins_a_generation(member: Member) -> None:
    """Even with the same metadata: that is how it says that it wants to assign anew."""
    await stable(member)
    answer = await member.join()
    assert (answer["error_code"], answer["generation"]) == (ErrorCode.NONE, 2)
    assert (await described(member.wire, member.group))["state"] == COMPLETING


async def test_a_follower_that_joins_again_is_answered_at_once(broker_url: str) -> None:
    """With the metadata it had it stays in the generation, and keeps what it was assigned."""
    async with members(broker_url, 2) as (leader, follower):
        await stable(leader, follower)
        before = leader.generation
        answer = await follower.join()
        assert (answer["generation"], answer["leader"]) == (before, leader.id)
        assert await follower.sync() == (ErrorCode.NONE, b"1")
        assert await leader.heartbeat() == ErrorCode.NONE


async def test_a_follower_with_other_metadata_begins_a_generation(broker_url: str) -> None:
    """What it wants now the leader has to know."""
    async with members(broker_url, 2) as (leader, follower):
        await stable(leader, follower)
        before = leader.generation
        follower.protocols = {"range": subscription(data=b"changed")}
        async with waiting(follower.join()) as joining:
            await in_state(leader.wire, leader.group, PREPARING, 2)
            answer = await leader.join()
            assert (await joining)["generation"] == answer["generation"] == before + 1
        told = {each["id"]: each["metadata"] for each in answer["members"]}
        assert told[follower.id] == subscription(data=b"changed")


@pytest.mark.parametrize("place", [0, 1], ids=["leader", "follower"])
async def test_before_the_sync_a_join_is_repeated(broker_url: str, place: int) -> None:
    """A client whose answer was lost asks again and gets the same, while nobody is assigned."""
    async with members(broker_url, 2) as both:
        leader, follower = both
        await stable(leader, follower)
        follower.protocols = {"range": subscription(data=b"changed")}
        async with waiting(follower.join()) as joining:
            await in_state(leader.wire, leader.group, PREPARING, 2)
            answers = [await leader.join(), await joining]
        again = await both[place].ask_to_join()
        assert again["generation"] == answers[place]["generation"]
        assert len(again["members"]) == len(answers[place]["members"])


async def test_generations_go_on_when_everybody_has_left(member: Member) -> None:
    """Leaving makes one of its own, and the next member begins the one after."""
    await stable(member)
    await member.leave()
    assert (await member.ask_to_join())["error_code"] == ErrorCode.UNKNOWN_MEMBER_ID
    member.id = ""
    assert (await member.join())["generation"] == 3


@pytest.mark.parametrize(
    ("wishes", "chosen"),
    [
        ((["a", "b"], ["b", "a"], ["b", "a"]), "b"),
        ((["x", "a", "b"], ["b", "a"], ["y", "b", "a"]), "b"),
        ((["a", "b", "c"], ["c", "a", "b"], ["c", "b", "a"], ["b", "c", "a"]), "c"),
        ((["a", "b"], ["b"]), "b"),
    ],
    ids=["most votes", "among the common", "of three", "the only common"],
)
async def test_members_vote_for_the_protocol(
    broker_url: str, wishes: Sequence[Sequence[str]], chosen: str
) -> None:
    """Each votes for the first on its list that all know; the leader gets the metadata for it."""
    async with members(broker_url, len(wishes)) as clients:
        for client, wish in zip(clients, wishes, strict=True):
            client.protocols = {name: subscription(data=name.encode()) for name in wish}
        first, *others = clients
        await first.join()
        joining = [asyncio.create_task(other.join()) for other in others]
        await in_state(first.wire, first.group, PREPARING, len(wishes))
        answer = await first.join()
        assert {(await each)["protocol"] for each in joining} == {chosen}
        assert answer["protocol"] == chosen
        assert {each["metadata"] for each in answer["members"]} == {
            subscription(data=chosen.encode())
        }
