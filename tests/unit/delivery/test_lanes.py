"""What lanes do with mail: order, failure, quarantine, replies, room."""

import asyncio

import pytest
from google.protobuf.wrappers_pb2 import BoolValue, Int64Value, StringValue
from support.delivery_node import Node, write
from support.keeper import MAILBOX, QUARANTINE, Keeper, handled, header, kept, states
from support.scripted_log import Log, ScriptedPort

from callboard import ActorFailed, FailureEvent
from callboard.testing import run_virtual
from callboard.transport.delivery import (
    Codec,
    Outbound,
    TopicPartition,
    read_reply,
)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Keeper.failures = 0
    Keeper.starts.clear()
    Keeper.stops.clear()


def test_a_failure_is_retried_from_the_last_good_state() -> None:
    """What a failed attempt changed in the state is gone before the next one."""
    log = Log()
    for number, value in enumerate((7, 0, 8)):
        write(log, Keeper, "a", Int64Value(value=value), number)
    run_virtual(handled(log))
    assert kept(log, "a") == [7.0, 0.0, 8.0]


def test_retries_wait_as_the_policy_says() -> None:
    """Backoff is in seconds of the loop's clock, and each failure is one event."""
    log, events = Log(), list[FailureEvent]()
    write(log, Keeper, "a", Int64Value(value=-1), 1)

    async def main() -> float:
        node = Node("one", ScriptedPort(log), [Keeper])
        node.system.events.subscribe(FailureEvent, events.append)
        await node.start()
        began = asyncio.get_running_loop().time()
        await node.until_done()
        took = asyncio.get_running_loop().time() - began
        await node.stop()
        return took

    took = run_virtual(main())
    assert 3.0 < took < 3.5
    said = [(event.decision, event.attempt, event.delay) for event in events]
    assert said == [("retry", 1, 1.0), ("retry", 2, 2.0), ("quarantine", 3, 0.0)]
    assert events[0].path == "callboard://t/Keeper/a"
    assert events[0].error == "-1 is below zero"
    assert events[0].message_id == "client~1:1.0"


def test_a_parked_key_waits_in_order_and_holds_up_nobody() -> None:
    """Mail behind a quarantined message follows it in order; another key flows on."""
    log = Log()
    for number, (key, value) in enumerate([("a", 1), ("a", -5), ("a", 2), ("b", 3), ("a", 4)]):
        write(log, Keeper, key, Int64Value(value=value), number)
    run_virtual(handled(log))
    assert kept(log, "a") == [1.0]
    assert states(log)["a"].parked
    assert kept(log, "b") == [3.0]
    parked = log.partitions[QUARANTINE]
    assert [Int64Value.FromString(r.value or b"").value for r in parked] == [-5, 2, 4]
    assert [header(r, "cb_quarantine_reason") for r in parked] == ["failed", "behind", "behind"]
    assert header(parked[0], "cb_quarantine_error") == "ValueError('-5 is below zero')"
    assert header(parked[0], "cb_quarantine_origin") == "t.Keeper/0/1"
    assert header(parked[0], "ce_type") == "google.protobuf.Int64Value"


def test_a_parked_key_stays_parked_on_the_next_node() -> None:
    """The mark is part of the durable state."""
    log = Log()
    write(log, Keeper, "a", Int64Value(value=-5), 1)
    run_virtual(handled(log))
    write(log, Keeper, "a", Int64Value(value=6), 2)
    run_virtual(handled(log))
    reasons = [header(r, "cb_quarantine_reason") for r in log.partitions[QUARANTINE]]
    assert reasons == ["failed", "behind"]


def test_a_skipped_message_is_dropped_and_the_key_goes_on() -> None:
    """The policy's `skip` drops the message and what it changed."""
    log = Log()
    for number, word in enumerate(("good", "bad", "fine")):
        write(log, Keeper, "a", StringValue(value=word), number)
    run_virtual(handled(log))
    assert kept(log, "a") == ["good", "fine"]
    assert not log.partitions[QUARANTINE]


def test_a_slow_key_holds_up_no_other() -> None:
    """One key sleeps a minute; a hundred others are done within a second of virtual time."""
    log = Log()
    write(log, Keeper, "slow", Int64Value(value=1_000), 0)
    for number in range(1, 101):
        write(log, Keeper, f"key-{number}", Int64Value(value=number), number)

    async def main() -> int:
        node = Node("one", ScriptedPort(log), [Keeper])
        await node.start()
        await asyncio.sleep(1.0)
        done = len(states(log))
        await node.until_done()
        await node.stop()
        return done

    assert run_virtual(main()) == 100
    assert kept(log, "slow") == [1_000.0]


def test_undecodable_records_go_to_quarantine_with_the_reason() -> None:
    """Truncated bytes, an unknown type, no handler: each is told apart, none crashes a lane."""
    log = Log()
    whole = StringValue(value="a longer text").SerializeToString()
    name = "google.protobuf.StringValue"
    for key, kind, value in (
        ("truncated", name, whole[:-3]),
        ("unknown", "no.such.Type", whole),
        ("unhandled", BoolValue.DESCRIPTOR.full_name, BoolValue(value=True).SerializeToString()),
        ("tombstone", name, None),
        ("fine", name, whole),
    ):
        log.append(Outbound(MAILBOX, key.encode(), value, [("ce_type", kind.encode())]))
    log.append(Outbound(MAILBOX, b"untyped", whole, []))
    log.append(Outbound(MAILBOX, None, whole, [("ce_type", name.encode())]))
    log.append(Outbound(MAILBOX, b"\xff", whole, [("ce_type", name.encode())]))
    run_virtual(handled(log))
    found = {
        (r.key or b"").decode(errors="replace"): header(r, "cb_quarantine_reason")
        for r in log.partitions[QUARANTINE]
    }
    assert found == {
        "truncated": "undecodable",
        "unknown": "undecodable",
        "unhandled": "unhandled",
        "tombstone": "undecodable",
        "untyped": "undecodable",
        "": "keyless",
        "\ufffd": "keyless",
    }
    errors = {header(r, "cb_quarantine_error") for r in log.partitions[QUARANTINE]}
    assert any("no class is known for 'no.such.Type'" in error for error in errors)
    assert any("@handler def boolvalue(self, message: BoolValue)" in error for error in errors)
    assert kept(log, "fine") == ["a longer text"]


def ask(log: Log, key: str, value: int) -> None:
    """Write a message that wants an answer."""
    headers = [
        ("ce_type", b"google.protobuf.Int64Value"),
        ("cb_reply_to", b"t.nodes/2/asker"),
        ("cb_correlation", b"17"),
    ]
    body = Int64Value(value=value).SerializeToString()
    log.append(Outbound(MAILBOX, key.encode(), body, headers))


def test_a_reply_leaves_when_its_state_is_durable() -> None:
    """At the moment of the reply, the state topic holds what the reply speaks of."""
    log, when_replied = Log(), list[list[object]]()
    ask(log, "a", 5)

    async def main() -> Outbound:
        node = Node("one", ScriptedPort(log), [Keeper])
        replies: list[Outbound] = []

        def replied(reply: Outbound) -> None:
            replies.append(reply)
            when_replied.append(kept(log, "a"))

        node.host.reply = replied
        await node.start()
        await node.until_done()
        await node.stop()
        return replies[0]

    reply = run_virtual(main())
    assert when_replied == [[5.0]]
    assert reply.to == TopicPartition("t.nodes", 2)
    assert (reply.key, reply.value) == (b"asker", Int64Value(value=1).SerializeToString())


def test_an_asker_is_told_of_a_failure() -> None:
    """When the message goes to quarantine the asker hears why, at once."""
    log = Log()
    ask(log, "a", -2)
    ask(log, "a", 3)
    node = run_virtual(handled(log))
    answers = [
        read_reply(dict(reply.headers), reply.value, Codec(node.codec._registry))
        for reply in node.replies
    ]
    assert isinstance(answers[0], ActorFailed)
    assert "ValueError: -2 is below zero" in str(answers[0])
    assert isinstance(answers[1], ActorFailed)
    assert "quarantine" in str(answers[1])
