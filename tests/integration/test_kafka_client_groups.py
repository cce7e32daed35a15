"""How aiokafka behaves in a group; `docs/kafka-client-notes.md` says what follows for us."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError
from support.kafka_clients import (
    SECONDS,
    Rebalances,
    consuming,
    create_topic,
    take,
    until,
    write,
)

REBALANCE_SECONDS = 1.0
SESSION_SECONDS = 3.0


def member(topic: str, **options: Any) -> dict[str, Any]:
    """Return the options of a member of the topic's own group."""
    return {
        "group_id": f"{topic}-group",
        "session_timeout_ms": int(SESSION_SECONDS * 1000),
        **options,
    }


def owns(consumer: Any, count: int) -> Callable[[], bool]:
    """Return a condition: the member has so many partitions."""
    return lambda: len(consumer.assignment()) == count


async def test_the_first_join_revokes_nothing(broker_url: str) -> None:
    """`on_partitions_revoked` is called before the first assignment too, with an empty set."""
    topic, seen = await create_topic(broker_url, 2), Rebalances()
    async with consuming(broker_url, topic, listener=seen, **member(topic)) as first:
        await until(owns(first, 2), "two partitions")

    both = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
    assert (seen.revoked, seen.assigned) == ([[]], [both])


async def test_stopping_revokes_nothing(broker_url: str) -> None:
    """`stop` leaves the group without a call of `on_partitions_revoked`: commit before it."""
    topic, seen = await create_topic(broker_url), Rebalances()
    async with consuming(broker_url, topic, listener=seen, **member(topic)) as first:
        await until(owns(first, 1), "a partition")
        calls = len(seen.revoked)

    assert len(seen.revoked) == calls


async def test_a_commit_while_partitions_are_revoked_holds(broker_url: str) -> None:
    """Inside `on_partitions_revoked` the old assignment still counts: commits are accepted."""
    topic = await create_topic(broker_url, 2)
    place = TopicPartition(topic, 0)
    refused: list[Exception] = []

    async def commit(revoked: frozenset[TopicPartition]) -> None:
        try:
            if revoked:
                await first.commit({place: 7})
        except Exception as error:  # noqa: BLE001 - the client would only log it
            refused.append(error)

    seen = Rebalances(on_revoked=commit)
    await write(broker_url, topic, 10)
    async with consuming(broker_url, topic, listener=seen, **member(topic)) as first:
        await take(first, 10)
        async with consuming(broker_url, topic, **member(topic)) as second:
            await until(owns(second, 1), "the second member's partition")
            assert refused == []
            assert await second.committed(place) == 7


async def test_records_come_before_assigned_has_returned(broker_url: str) -> None:
    """`getmany` gives records while `on_partitions_assigned` is still running."""
    topic = await create_topic(broker_url)
    await write(broker_url, topic, 10)
    go_on = asyncio.Event()

    async def restore(_: frozenset[TopicPartition]) -> None:
        await go_on.wait()

    seen = Rebalances(on_assigned=restore)
    async with consuming(broker_url, topic, listener=seen, **member(topic)) as consumer:
        records = await take(consumer, 10)
        still_restoring = seen.in_assigned
        go_on.set()

    assert len(records) == 10
    assert still_restoring


async def test_a_kept_partition_goes_back_to_what_was_committed(broker_url: str) -> None:
    """A rebalance hands out again what was consumed but not committed, even of kept partitions."""
    topic = await create_topic(broker_url, 2)
    for partition in (0, 1):
        await write(broker_url, topic, 10, partition=partition)
    async with consuming(broker_url, topic, **member(topic)) as first:
        await take(first, 20)
        await first.commit(dict.fromkeys(first.assignment(), 1))
        async with consuming(broker_url, topic, **member(topic)) as second:
            await until(owns(second, 1), "the second member's partition")
            await until(owns(first, 1), "the first member's partition")
            (kept,) = first.assignment()

            assert await first.position(kept) == 1
            assert [record.offset for record in await take(first, 9)] == list(range(1, 10))


async def test_a_pause_ends_with_a_rebalance(broker_url: str) -> None:
    """A partition that is kept through a rebalance is no longer paused."""
    topic = await create_topic(broker_url, 2)
    async with consuming(broker_url, topic, **member(topic)) as first:
        await until(owns(first, 2), "two partitions")
        first.pause(*first.assignment())
        assert len(first.paused()) == 2
        async with consuming(broker_url, topic, **member(topic)) as second:
            await until(owns(second, 1), "the second member's partition")
            await until(owns(first, 1), "the first member's partition")

            assert first.paused() == set()


async def test_who_drains_past_the_rebalance_time_out_is_put_out(broker_url: str) -> None:
    """The group goes on without a member whose `on_partitions_revoked` takes too long.

    The others get its partitions while it still drains, although it never
    stopped to send heartbeats, and what it then commits is refused.
    """
    topic = await create_topic(broker_url, 2)
    outcome: list[Exception | None] = []
    taken_over = asyncio.Event()

    async def drain(revoked: frozenset[TopicPartition]) -> None:
        if not revoked:
            return
        async with asyncio.timeout(SECONDS):
            await taken_over.wait()
        try:
            await first.commit(dict.fromkeys(revoked, 5))
            outcome.append(None)
        except Exception as error:  # noqa: BLE001 - the client would only log it
            outcome.append(error)

    slow = member(topic, rebalance_timeout_ms=int(REBALANCE_SECONDS * 1000))
    for partition in (0, 1):
        await write(broker_url, topic, 10, partition=partition)
    async with consuming(broker_url, topic, listener=Rebalances(on_revoked=drain), **slow) as first:
        await take(first, 20)
        async with consuming(broker_url, topic, **slow) as second:
            await until(owns(second, 2), "all partitions with the member that is quick")
            taken_over.set()
            await until(lambda: bool(outcome), "the late commit's answer")

            assert isinstance(outcome[0], CommitFailedError)
            assert await second.committed(TopicPartition(topic, 0)) is None


async def test_a_silent_member_is_replaced_after_its_session(broker_url: str) -> None:
    """A member without heartbeats loses its partitions once the session time-out has passed."""
    topic = await create_topic(broker_url, 2)
    # Its next heartbeat is due long after its session has ended: as good as dead.
    silent = member(topic, heartbeat_interval_ms=60_000, session_timeout_ms=1_000)
    living = member(topic, rebalance_timeout_ms=60_000)
    now = asyncio.get_running_loop().time
    started = now()
    async with consuming(broker_url, topic, **silent) as first:
        await until(owns(first, 2), "two partitions")
        async with consuming(broker_url, topic, **living) as second:
            await until(owns(second, 2), "all partitions with the living member")

    assert now() - started >= 1.0


@pytest.mark.parametrize("call", ["revoked", "assigned"])
async def test_what_a_listener_raises_is_swallowed(broker_url: str, call: str) -> None:
    """A listener that raises stops nothing: the member is assigned and reads on."""
    topic = await create_topic(broker_url)
    await write(broker_url, topic, 3)
    raised: list[str] = []

    async def fail(_: frozenset[TopicPartition]) -> None:
        raised.append(call)
        raise RuntimeError("not seen by anyone")

    seen = Rebalances(**{f"on_{call}": fail})
    async with consuming(broker_url, topic, listener=seen, **member(topic)) as consumer:
        assert len(await take(consumer, 3)) == 3
    assert raised == [call]


async def test_a_cancelled_getmany_switches_the_poll_guard_off(broker_url: str) -> None:
    """After one cancelled `getmany` the client believes for ever that a call is under way.

    So `max_poll_interval_ms` never takes effect again.
    """
    topic = await create_topic(broker_url)
    async with consuming(broker_url, topic, **member(topic)) as consumer:
        await until(owns(consumer, 1), "a partition")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await consumer.getmany(timeout_ms=5_000)
        await consumer.getmany(timeout_ms=10)

        assert consumer._subscription.fetcher_idle_time == 0
