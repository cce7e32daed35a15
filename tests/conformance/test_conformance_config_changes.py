"""Settings of topics that change: all at once, or one by one."""

import pytest
from support.record_batches import Rec, batch
from support.wire import Wire, fresh
from support.wire_configs import APPEND, DELETE, SET, SUBTRACT, TOPIC, alter, change, has

from callboard.transport.broker import ErrorCode

_WEEK = str(7 * 86_400_000)
"""The default of `retention.ms`, and of `segment.ms` as well."""


async def test_altering_replaces_everything(wire: Wire) -> None:
    """What is not named goes back to its default."""
    topic = await wire.topic(configs={"retention.ms": "5000", "segment.ms": "6000"})
    assert await alter(wire, topic, {"retention.ms": "7000"}) == ErrorCode.NONE
    await has(wire, topic, retention_ms="7000", segment_ms=_WEEK)


@pytest.mark.parametrize(
    ("name", "value", "refusal"),
    [
        ("retention.ms", "soon", ErrorCode.INVALID_CONFIG),
        ("no.such.setting", "1", ErrorCode.INVALID_CONFIG),
        ("retention.ms", None, ErrorCode.INVALID_REQUEST),
    ],
)
async def test_a_bad_alteration_changes_nothing(
    wire: Wire, name: str, value: str | None, refusal: ErrorCode
) -> None:
    """One bad value, and the good ones beside it are not taken either."""
    topic = await wire.topic(configs={"segment.ms": "6000"})
    code = await alter(wire, topic, {"segment.ms": "7000", name: value})
    assert code == refusal
    await has(wire, topic, segment_ms="6000")


async def test_an_alteration_may_be_checked_only(wire: Wire) -> None:
    """`validate_only` changes nothing, and finds what is bad."""
    topic = await wire.topic()
    assert await alter(wire, topic, {"retention.ms": "1"}, validate_only=True) == ErrorCode.NONE
    code = await alter(wire, topic, {"retention.ms": "x"}, validate_only=True)
    assert code == ErrorCode.INVALID_CONFIG
    await has(wire, topic, retention_ms=_WEEK)


async def test_an_unknown_topic_is_not_altered(wire: Wire) -> None:
    """UNKNOWNTOPIC_OR_PARTITION, in either way of altering."""
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert await alter(wire, fresh(), {"retention.ms": "1"}) == unknown
    assert await change(wire, fresh(), ("retention.ms", SET, "1")) == unknown


async def test_single_settings_change_and_go_back(wire: Wire) -> None:
    """An incremental change leaves the others alone; deleting one restores its default."""
    topic = await wire.topic(configs={"retention.ms": "5000", "segment.ms": "6000"})
    assert await change(wire, topic, ("flush.ms", SET, "9")) == ErrorCode.NONE
    await has(wire, topic, flush_ms="9", retention_ms="5000", segment_ms="6000")
    assert await change(wire, topic, ("retention.ms", DELETE, None)) == ErrorCode.NONE
    await has(wire, topic, retention_ms=_WEEK, segment_ms="6000")


async def test_lists_grow_and_shrink(wire: Wire) -> None:
    """A policy is appended once, and taken away."""
    topic = await wire.topic()
    for _ in range(2):
        code = await change(wire, topic, ("cleanup.policy", APPEND, "compact"))
        assert code == ErrorCode.NONE
        await has(wire, topic, cleanup_policy="delete,compact")
    code = await change(wire, topic, ("cleanup.policy", SUBTRACT, "delete"))
    assert code == ErrorCode.NONE
    await has(wire, topic, cleanup_policy="compact")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ([("retention.ms", APPEND, "1")], ErrorCode.INVALID_CONFIG),
        ([("no.such.list", APPEND, "1")], ErrorCode.INVALID_CONFIG),
        ([("retention.ms", SET, "soon")], ErrorCode.INVALID_CONFIG),
        ([("no.such.setting", SET, "1")], ErrorCode.INVALID_CONFIG),
        ([("retention.ms", SET, None)], ErrorCode.INVALID_REQUEST),
        ([("flush.ms", SET, "1"), ("flush.ms", DELETE, None)], ErrorCode.INVALID_REQUEST),
    ],
    ids=["append", "unknown list", "value", "unknown", "null", "twice"],
)
async def test_a_bad_change_is_refused(
    wire: Wire, changes: list[tuple[str, int, str | None]], code: ErrorCode
) -> None:
    """Nothing of the request is taken for the topic."""
    topic = await wire.topic(configs={"segment.ms": "6000"})
    assert await change(wire, topic, ("segment.ms", SET, "7000"), *changes) == code
    await has(wire, topic, segment_ms="6000")


async def test_an_operation_that_does_not_exist_is_refused(wire: Wire) -> None:
    """Which code that has depends on the broker; nothing is changed."""
    topic = await wire.topic(configs={"segment.ms": "6000"})
    assert await change(wire, topic, ("segment.ms", 9, "7000")) != ErrorCode.NONE
    await has(wire, topic, segment_ms="6000")


async def test_deleting_a_setting_that_is_not_set_is_fine(wire: Wire) -> None:
    """The outcome is what was asked for."""
    topic = await wire.topic()
    assert await change(wire, topic, ("retention.ms", DELETE, None)) == ErrorCode.NONE


async def test_a_change_may_be_checked_only(wire: Wire) -> None:
    """`validate_only` changes nothing."""
    topic = await wire.topic()
    code = await change(wire, topic, ("retention.ms", SET, "1"), validate_only=True)
    assert code == ErrorCode.NONE
    await has(wire, topic, retention_ms=_WEEK)


async def test_a_topic_changed_twice_in_a_request_is_refused(wire: Wire) -> None:
    """The order of the two would decide, so neither is taken."""
    topic = await wire.topic(configs={"flush.ms": "5"})
    config = {"name": "flush.ms", "operation": SET, "value": "9"}
    resource = {"type": TOPIC, "name": topic, "configs": [config]}
    answer = await wire.ask(
        "incremental_alter_configs", 0, resources=[resource, resource], validate_only=False
    )
    assert {each["error_code"] for each in answer["resources"]} == {ErrorCode.INVALID_REQUEST}
    await has(wire, topic, flush_ms="5")


async def test_a_change_takes_effect_at_once(wire: Wire) -> None:
    """A smaller limit refuses the next batch that is above it."""
    topic = await wire.topic()
    large = batch(Rec(b"x" * 2000))
    assert (await wire.produce(topic, large))["error_code"] == ErrorCode.NONE
    assert await change(wire, topic, ("max.message.bytes", SET, "1000")) == ErrorCode.NONE
    await has(wire, topic, max_message_bytes="1000")
    assert (await wire.produce(topic, large))["error_code"] == ErrorCode.MESSAGE_TOO_LARGE
