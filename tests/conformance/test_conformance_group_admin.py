"""Groups seen from outside: listed, described and deleted."""

import pytest
from support.kafka_clients import consuming, create_topic, until
from support.wire import Wire, fresh
from support.wire_groups import (
    COMPLETING,
    DEAD,
    EMPTY,
    PREPARING,
    STABLE,
    Member,
    committed_by,
    described,
    fetched,
    in_state,
    members,
    new_group,
    stable,
    subscription,
    waiting,
)

from callboard.transport.broker import ErrorCode
from callboard.transport.broker.wire import Body


async def listed(wire: Wire, group: str) -> list[Body]:
    """Return the entries a list of all groups has of one."""
    answer = await wire.ask("list_groups", 2)
    assert answer["error_code"] == ErrorCode.NONE
    return [each for each in answer["groups"] if each["group"] == group]


async def deleting(wire: Wire, *groups: str) -> dict[str, int]:
    """Delete groups; return the code of each."""
    answer = await wire.ask("delete_groups", 1, groups=groups)
    codes = {each["group"]: each["error_code"] for each in answer["groups"]}
    assert len(codes) == len(answer["groups"])
    return codes


async def test_a_group_that_never_was_is_dead(wire: Wire) -> None:
    """Describing it is no error, and the list does not have it."""
    group = await new_group(wire)
    assert await described(wire, group) == {
        "error_code": ErrorCode.NONE,
        "group": group,
        "state": DEAD,
        "protocol_type": "",
        "protocol": "",
        "members": [],
        "operations": -(2**31),
    }
    assert await listed(wire, group) == []


async def test_a_stable_group_is_described(wire: Wire, broker_url: str) -> None:
    """Protocol, and of each member who it is, what it asked for and what it was given."""
    async with members(broker_url, 1) as (member,):
        member.protocols = {"range": subscription("t", data=b"x"), "other": subscription()}
        await member.join()
        await member.sync({member.id: b"\x00its share\xff"})
        found = await described(wire, member.group)
        assert await listed(wire, member.group) == [
            {"group": member.group, "protocol_type": "consumer"}
        ]
    assert (found["state"], found["protocol_type"], found["protocol"]) == (
        STABLE,
        "consumer",
        "range",
    )
    assert found["members"] == [
        {
            "id": member.id,
            "instance": None,
            "client_id": "wire",
            "client_host": "/127.0.0.1",
            "metadata": subscription("t", data=b"x"),
            "assignment": b"\x00its share\xff",
        }
    ]


async def test_before_the_sync_there_is_no_protocol_to_tell(wire: Wire, broker_url: str) -> None:
    """Members are named, without what they asked for."""
    async with members(broker_url, 1) as (member,):
        await member.join()
        await in_state(wire, member.group, COMPLETING)
        found = await described(wire, member.group)
    assert (found["protocol_type"], found["protocol"]) == ("consumer", "")
    assert [(m["id"], m["metadata"], m["assignment"]) for m in found["members"]] == [
        (member.id, b"", b"")
    ]


async def test_while_members_join_the_former_assignment_is_told(
    wire: Wire, broker_url: str
) -> None:
    """Whoever was in the group is still shown with what it was given; the new one has nothing."""
    async with members(broker_url, 2) as (first, second):
        await stable(first)
        async with waiting(second.join()):
            await in_state(wire, first.group, PREPARING, 2)
            found = await described(wire, first.group)
    assert (found["protocol"], {m["metadata"] for m in found["members"]}) == ("", {b""})
    assert {m["id"]: m["assignment"] for m in found["members"]} == {first.id: b"0", second.id: b""}


async def test_an_empty_group_keeps_its_type(wire: Wire, broker_url: str) -> None:
    """Having had members, it is Empty, not Dead, even without a commit."""
    async with members(broker_url, 1) as (member,):
        await stable(member)
        await member.leave()
        found = await described(wire, member.group)
    assert (found["state"], found["protocol_type"], found["members"]) == (EMPTY, "consumer", [])


async def test_a_group_of_commits_alone_has_no_type(wire: Wire) -> None:
    """It is listed, with an empty one."""
    topic, group = await wire.topic(), await new_group(wire)
    await committed_by(wire, topic, 1, group=group)
    found = await described(wire, group)
    assert (found["state"], found["protocol_type"]) == (EMPTY, "")
    assert await listed(wire, group) == [{"group": group, "protocol_type": ""}]


async def test_a_group_is_listed_in_every_state(wire: Wire, broker_url: str) -> None:
    """Before its first sync, during a rebalance, and when everybody has left."""
    async with members(broker_url, 2) as (first, second):
        await first.join()
        await in_state(wire, first.group, COMPLETING)
        assert len(await listed(wire, first.group)) == 1
        await first.sync({first.id: b"0"})
        async with waiting(second.join()):
            await in_state(wire, first.group, PREPARING, 2)
            assert len(await listed(wire, first.group)) == 1
        await first.leave()
        assert len(await listed(wire, first.group)) == 1


async def test_many_groups_are_described_at_once(wire: Wire) -> None:
    """Each with an answer of its own, in the order asked; none asked is none answered."""
    topic, group, nobody = await wire.topic(), await new_group(wire), fresh()
    await committed_by(wire, topic, 1, group=group)
    for names in ([nobody, group], []):
        answer = await wire.ask("describe_groups", 4, groups=names, operations_asked=False)
        states = {each["group"]: each["state"] for each in answer["groups"]}
        assert states == {name: {group: EMPTY, nobody: DEAD}[name] for name in names}


@pytest.mark.parametrize("version", [0, 1])
async def test_an_empty_group_is_deleted(wire: Wire, version: int) -> None:
    """Afterwards it is as if it had never been."""
    topic, group = await wire.topic(), await new_group(wire)
    await committed_by(wire, topic, 1, group=group)
    answer = await wire.ask("delete_groups", version, groups=[group])
    assert [each["error_code"] for each in answer["groups"]] == [ErrorCode.NONE]
    assert (await described(wire, group))["state"] == DEAD
    assert await listed(wire, group) == []
    assert await deleting(wire, group) == {group: ErrorCode.GROUP_ID_NOT_FOUND}


async def test_a_group_with_members_is_not_deleted(wire: Wire, broker_url: str) -> None:
    """NON_EMPTY_GROUP; in the same request others are deleted or not found."""
    topic, empty, nobody = await wire.topic(), await new_group(wire), fresh()
    await committed_by(wire, topic, 1, group=empty)
    async with members(broker_url, 1) as (member,):
        await stable(member)
        assert await deleting(wire, member.group, nobody, empty) == {
            member.group: ErrorCode.NON_EMPTY_GROUP,
            nobody: ErrorCode.GROUP_ID_NOT_FOUND,
            empty: ErrorCode.NONE,
        }
        assert await member.heartbeat() == ErrorCode.NONE
    assert await fetched(wire, empty) == {}


async def test_a_group_named_twice_is_deleted_once(wire: Wire) -> None:
    """And has one answer."""
    topic, group = await wire.topic(), await new_group(wire)
    await committed_by(wire, topic, 1, group=group)
    assert await deleting(wire, group, group) == {group: ErrorCode.NONE}


async def test_a_deleted_groups_generations_begin_anew(wire: Wire, broker_url: str) -> None:
    """Nothing of the former group is left, its generation neither."""
    async with members(broker_url, 1) as (member,):
        await stable(member)
        await member.leave()
        await deleting(wire, member.group)
        again = Member(wire, member.group)
        assert (await again.join())["generation"] == 1


async def test_a_group_of_aiokafkas_is_described(wire: Wire, broker_url: str) -> None:
    """The client's name, and a subscription that names the topic."""
    topic = await create_topic(broker_url, 2)
    group = f"{topic}-group"
    async with consuming(broker_url, topic, group_id=group, client_id="reader") as consumer:
        await until(lambda: len(consumer.assignment()) == 2, "two partitions")
        await in_state(wire, group, STABLE)
        found = await described(wire, group)
    (member,) = found["members"]
    assert (found["protocol"], member["client_id"]) == ("roundrobin", "reader")
    assert member["id"].startswith("reader-")
    assert topic.encode() in member["metadata"]
    assert topic.encode() in member["assignment"]
