"""Topics: how they are created, grown and deleted, and what is refused."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from support.kafka_clients import SECONDS
from support.wire import LATEST, Wire, fresh, topic_of

from callboard.transport.broker import ErrorCode


async def there(wire: Wire, name: str) -> bool:
    """Tell whether there is a topic of this name."""
    answer = await wire.described(name)
    return bool(answer["error_code"] == ErrorCode.NONE)


async def gone(wire: Wire, name: str) -> None:
    """Wait until a deleted topic has left the metadata."""
    async with asyncio.timeout(SECONDS):
        while await there(wire, name):
            await asyncio.sleep(0.01)


async def delete(wire: Wire, *names: str) -> list[int]:
    """Delete topics; return the codes."""
    answer = await wire.ask("delete_topics", 3, topics=names, timeout_ms=int(SECONDS * 1000))
    return [each["error_code"] for each in answer["topics"]]


async def grow(
    wire: Wire,
    *wanted: tuple[str, int],
    assignments: Sequence[Sequence[int]] | None = None,
    validate_only: bool = False,
) -> list[int]:
    """Give topics more partitions; return the codes."""
    topics = [{"name": name, "count": count, "assignments": assignments} for name, count in wanted]
    answer = await wire.ask(
        "create_partitions",
        1,
        topics=topics,
        timeout_ms=int(SECONDS * 1000),
        validate_only=validate_only,
    )
    return [each["error_code"] for each in answer["topics"]]


async def node_id(wire: Wire) -> int:
    """Return the id of the only broker."""
    (node,) = (await wire.ask("metadata", 8, topics=[]))["brokers"]
    return int(node["id"])


# -- create -------------------------------------------------------------------------


async def test_a_new_topic_has_its_partitions_and_each_a_leader(wire: Wire) -> None:
    """Partitions are numbered from 0; leader, replicas and those in sync are the one broker."""
    node, name = await node_id(wire), await wire.topic(3)
    parts = sorted((await wire.described(name))["partitions"], key=lambda part: part["index"])

    assert [part["index"] for part in parts] == [0, 1, 2]
    assert {part["leader"] for part in parts} == {node}
    assert all(part["replicas"] == part["isr"] == [node] for part in parts)
    assert all(part["error_code"] == 0 and part["offline"] == [] for part in parts)


async def test_a_topic_that_exists_is_not_created_again(wire: Wire) -> None:
    """TOPIC_ALREADY_EXISTS, and the one that is there stays as it is."""
    name = await wire.topic(2)
    assert await wire.create_topics(topic_of(name, 5)) == {name: ErrorCode.TOPIC_ALREADY_EXISTS}
    assert len((await wire.described(name))["partitions"]) == 2


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "x" * 250, "a b", "a/b", "ümlaut", "new\nline", "a:b"],
    ids=["empty", "dot", "dots", "250", "space", "slash", "umlaut", "newline", "colon"],
)
async def test_a_bad_name_is_refused(wire: Wire, name: str) -> None:
    """A name has 1 to 249 ASCII letters, digits, dots, underscores and hyphens."""
    assert await wire.create_topics(topic_of(name)) == {name: ErrorCode.INVALID_TOPIC}


async def test_a_name_of_249_characters_is_fine(wire: Wire) -> None:
    """The limit is what fits into a file name with the number of a partition behind it."""
    name = fresh().ljust(249, "x")
    assert await wire.topic(name=name) == name


async def test_a_name_that_differs_in_dots_only_is_refused(wire: Wire) -> None:
    """A dot and an underscore are the same to names of metrics."""
    stem = fresh()
    await wire.topic(name=f"{stem}.a_b")
    for name in (f"{stem}_a.b", f"{stem}.a.b", f"{stem}_a_b"):
        assert await wire.create_topics(topic_of(name)) == {name: ErrorCode.INVALID_TOPIC}


@pytest.mark.parametrize("count", [0, -2])
async def test_a_topic_without_partitions_is_refused(wire: Wire, count: int) -> None:
    """There is at least one partition; -1 alone has a meaning of its own."""
    name = fresh()
    assert await wire.create_topics(topic_of(name, count)) == {name: ErrorCode.INVALID_PARTITIONS}


@pytest.mark.parametrize("factor", [0, -2, 9])
async def test_a_replication_that_cannot_be_is_refused(wire: Wire, factor: int) -> None:
    """There is at least one replica, and at most one for each broker."""
    name = fresh()
    refused = {name: ErrorCode.INVALID_REPLICATION_FACTOR}
    assert await wire.create_topics(topic_of(name, 1, factor)) == refused
    assert not await there(wire, name)


async def test_minus_one_asks_for_the_brokers_default(wire: Wire) -> None:
    """Both numbers may be left to the broker."""
    name = fresh()
    assert await wire.create_topics(topic_of(name, -1, -1)) == {name: ErrorCode.NONE}
    await wire.settled(name)
    parts = (await wire.described(name))["partitions"]
    assert len(parts) >= 1
    assert len(parts[0]["replicas"]) == 1


async def test_a_topic_may_be_checked_and_not_created(wire: Wire) -> None:
    """`validate_only` says what creating would say, good or bad."""
    name = fresh()
    assert await wire.create_topics(topic_of(name), validate_only=True) == {name: 0}
    refused = await wire.create_topics(topic_of(name, 0), validate_only=True)
    assert refused == {name: ErrorCode.INVALID_PARTITIONS}
    assert not await there(wire, name)


async def test_one_bad_topic_does_not_hinder_the_others(wire: Wire) -> None:
    """Each topic of a request has its own outcome."""
    good, bad = fresh(), fresh()
    codes = await wire.create_topics(topic_of(bad, 0), topic_of(good))
    assert codes == {bad: ErrorCode.INVALID_PARTITIONS, good: ErrorCode.NONE}
    await wire.settled(good)


async def test_a_topic_named_twice_in_a_request_is_refused(wire: Wire) -> None:
    """Neither of the two is created, and the others are."""
    twice, once = fresh(), fresh()
    codes = await wire.create_topics(topic_of(twice), topic_of(once), topic_of(twice, 2))
    assert codes == {twice: ErrorCode.INVALID_REQUEST, once: ErrorCode.NONE}
    assert not await there(wire, twice)


async def test_replicas_may_be_placed_by_hand(wire: Wire) -> None:
    """An assignment says for each partition which brokers have it; the first one leads."""
    node, name = await node_id(wire), fresh()
    asked = topic_of(name, -1, -1, assignments={0: [node], 1: [node]})
    assert await wire.create_topics(asked) == {name: ErrorCode.NONE}
    await wire.settled(name, 2)
    assert [part["replicas"] for part in (await wire.described(name))["partitions"]] == [[node]] * 2


_PLACED_WRONG: Mapping[str, tuple[dict[int, list[int]], int, int]] = {
    "unknown broker": ({0: [4711]}, -1, -1),
    "broker twice": ({0: [1, 1]}, -1, -1),
    "gap": ({0: [1], 2: [1]}, -1, -1),
    "not from zero": ({1: [1]}, -1, -1),
    "no replicas": ({0: []}, -1, -1),
}


@pytest.mark.parametrize("case", _PLACED_WRONG)
async def test_a_placement_that_cannot_be_is_refused(wire: Wire, case: str) -> None:
    """Brokers must be known and different, and partitions 0, 1, 2 and so on."""
    placed, count, factor = _PLACED_WRONG[case]
    name = fresh()
    codes = await wire.create_topics(topic_of(name, count, factor, assignments=placed))
    assert codes == {name: ErrorCode.INVALID_REPLICA_ASSIGNMENT}
    assert not await there(wire, name)


@pytest.mark.parametrize(("count", "factor"), [(1, -1), (-1, 1), (1, 1)])
async def test_a_placement_leaves_no_numbers_to_give(wire: Wire, count: int, factor: int) -> None:
    """Next to an assignment both numbers must be -1."""
    name, node = fresh(), await node_id(wire)
    codes = await wire.create_topics(topic_of(name, count, factor, assignments={0: [node]}))
    assert codes == {name: ErrorCode.INVALID_REQUEST}


async def test_a_refusal_says_why(wire: Wire) -> None:
    """Every refused topic has a message for people; a created one has none."""
    good, bad = fresh(), fresh()
    answer = await wire.ask(
        "create_topics",
        4,
        topics=[topic_of(good), topic_of(bad, 0)],
        timeout_ms=10_000,
        validate_only=True,
    )
    said = {each["name"]: each["error_message"] for each in answer["topics"]}
    assert said[good] is None
    assert said[bad]


# -- grow ---------------------------------------------------------------------------


async def test_a_topic_grows_and_keeps_its_records(wire: Wire) -> None:
    """New partitions come behind the old ones, which do not notice."""
    name = await wire.topic(1)
    await wire.write(name, b"kept")
    assert await grow(wire, (name, 3)) == [ErrorCode.NONE]
    await wire.settled(name, 3)
    assert [each.value for each in await wire.records(name)] == [b"kept"]


@pytest.mark.parametrize("count", [2, 1, 0, -1])
async def test_a_topic_does_not_shrink_or_stay(wire: Wire, count: int) -> None:
    """The new number of partitions must be larger than the old one."""
    name = await wire.topic(2)
    assert await grow(wire, (name, count)) == [ErrorCode.INVALID_PARTITIONS]
    assert len((await wire.described(name))["partitions"]) == 2


async def test_an_unknown_topic_does_not_grow(wire: Wire) -> None:
    """UNKNOWN_TOPIC_OR_PARTITION, and the other topics of the request grow."""
    name = await wire.topic(1)
    codes = await grow(wire, (fresh(), 2), (name, 2))
    assert sorted(codes) == [ErrorCode.NONE, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]


async def test_growing_may_be_checked_only(wire: Wire) -> None:
    """`validate_only` changes nothing."""
    name = await wire.topic(1)
    assert await grow(wire, (name, 4), validate_only=True) == [ErrorCode.NONE]
    assert len((await wire.described(name))["partitions"]) == 1


async def test_a_topic_named_twice_does_not_grow(wire: Wire) -> None:
    """The answer has one entry, which says INVALID_REQUEST."""
    name = await wire.topic(1)
    assert await grow(wire, (name, 2), (name, 3)) == [ErrorCode.INVALID_REQUEST]
    assert len((await wire.described(name))["partitions"]) == 1


@pytest.mark.parametrize(
    "placed", [[[1]], [[1], [1], [1]], [[1], [4711]], [[1], []]],
    ids=["too few", "too many", "unknown broker", "no replicas"],
)  # fmt: skip
async def test_new_partitions_that_are_placed_wrong_are_refused(
    wire: Wire, placed: list[list[int]]
) -> None:
    """An assignment has one entry for each new partition."""
    name = await wire.topic(1)
    codes = await grow(wire, (name, 3), assignments=placed)
    assert codes == [ErrorCode.INVALID_REPLICA_ASSIGNMENT]


# -- delete -------------------------------------------------------------------------


async def test_a_deleted_topic_is_gone_with_its_records(wire: Wire) -> None:
    """A topic of the same name that is created later begins at offset 0."""
    name = await wire.topic()
    await wire.write(name, b"old")
    assert await delete(wire, name) == [ErrorCode.NONE]
    await gone(wire, name)

    await wire.topic(name=name)
    assert (await wire.offset(name, LATEST))["offset"] == 0
    assert await wire.write(name, b"new") == 0
    assert [each.value for each in await wire.records(name)] == [b"new"]


async def test_what_a_deleted_topic_had_is_unknown(wire: Wire) -> None:
    """Producing to it and fetching from it is UNKNOWN_TOPIC_OR_PARTITION."""
    name = await wire.topic()
    await delete(wire, name)
    await gone(wire, name)
    fetched = await wire.fetch(name, 0)
    assert fetched["error_code"] == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


async def test_an_unknown_topic_is_not_deleted(wire: Wire) -> None:
    """Each topic of a request has its own outcome."""
    name = await wire.topic()
    codes = await delete(wire, fresh(), name)
    assert sorted(codes) == [ErrorCode.NONE, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]


async def test_a_topic_named_twice_is_not_deleted(wire: Wire) -> None:
    """INVALID_REQUEST, and it is still there."""
    name = await wire.topic()
    assert await delete(wire, name, name) == [ErrorCode.INVALID_REQUEST]
    assert await there(wire, name)
