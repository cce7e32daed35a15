"""Settings of topics and brokers: which there are, and what they are."""

from collections.abc import Mapping

import pytest
from support.wire import Wire, fresh, topic_of
from support.wire_configs import BROKER, describe, values

from callboard.transport.broker import ErrorCode

_FOREVER = str(2**63 - 1)

# Every setting of a topic and its default, as Apache Kafka 4.3 describes them.
_DEFAULTS: Mapping[str, str] = {
    "cleanup.policy": "delete",
    "compression.gzip.level": "-1",
    "compression.lz4.level": "9",
    "compression.type": "producer",
    "compression.zstd.level": "3",
    "delete.retention.ms": "86400000",
    "file.delete.delay.ms": "60000",
    "flush.messages": _FOREVER,
    "flush.ms": _FOREVER,
    "follower.replication.throttled.replicas": "",
    "index.interval.bytes": "4096",
    "leader.replication.throttled.replicas": "",
    "max.compaction.lag.ms": _FOREVER,
    "max.message.bytes": "1048588",
    "message.timestamp.after.max.ms": "3600000",
    "message.timestamp.before.max.ms": _FOREVER,
    "message.timestamp.type": "CreateTime",
    "min.cleanable.dirty.ratio": "0.5",
    "min.compaction.lag.ms": "0",
    "min.insync.replicas": "1",
    "preallocate": "false",
    "retention.bytes": "-1",
    "retention.ms": "604800000",
    "segment.bytes": "1073741824",
    "segment.index.bytes": "10485760",
    "segment.jitter.ms": "0",
    "segment.ms": "604800000",
    "unclean.leader.election.enable": "false",
}


# -- create -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("no.such.setting", "1"),
        ("retention.ms", "soon"),
        ("retention.ms", "-2"),
        ("retention.bytes", "1.5"),
        ("cleanup.policy", "burn"),
        ("compression.type", "rar"),
        ("compression.zstd.level", "99"),
        ("message.timestamp.type", "createtime"),
        ("max.message.bytes", "-1"),
        ("max.message.bytes", "3000000000"),
        ("min.insync.replicas", "0"),
        ("min.cleanable.dirty.ratio", "1.5"),
        ("preallocate", "maybe"),
        ("segment.bytes", "1000"),
        ("segment.ms", "0"),
        ("max.compaction.lag.ms", "0"),
        ("follower.replication.throttled.replicas", "all of them"),
        ("retention.ms", None),
    ],
)
async def test_a_bad_setting_is_refused(wire: Wire, name: str, value: str | None) -> None:
    """A topic with a setting that is not known or cannot have that value is not created."""
    topic = fresh()
    codes = await wire.create_topics(topic_of(topic, configs={name: value}))
    assert codes == {topic: ErrorCode.INVALID_CONFIG}
    assert (await wire.described(topic))["error_code"] == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cleanup.policy", "compact,delete"),
        ("cleanup.policy", "delete, compact"),
        ("cleanup.policy", ""),
        ("compression.type", "uncompressed"),
        ("follower.replication.throttled.replicas", "*"),
        ("leader.replication.throttled.replicas", "0:1,1:1"),
        ("preallocate", "TRUE"),
        ("retention.ms", "-1"),
        ("retention.ms", " 1000 "),
        ("max.message.bytes", "0"),
        ("segment.bytes", "1048576"),
    ],
)
async def test_a_good_setting_is_taken(wire: Wire, name: str, value: str) -> None:
    """Values are read as generously as Java reads them."""
    topic = await wire.topic(configs={name: value})
    assert name in await values(wire, topic, name)


async def test_compaction_may_not_wait_longer_than_it_must(wire: Wire) -> None:
    """The least lag of compaction is at most the largest."""
    topic, lags = fresh(), {"min.compaction.lag.ms": "100", "max.compaction.lag.ms": "50"}
    codes = await wire.create_topics(topic_of(topic, configs=lags))
    assert codes == {topic: ErrorCode.INVALID_CONFIG}


# -- describe -----------------------------------------------------------------------


async def test_a_topic_has_these_settings_by_default(wire: Wire) -> None:
    """Names and values are those of Apache Kafka 4.3; some may have been added since."""
    described = await values(wire, await wire.topic())
    assert {key: described.get(key) for key in _DEFAULTS} == _DEFAULTS


async def test_no_setting_is_left_out(wire: Wire) -> None:
    """Whoever compares two topics sees every setting there is.

    The embedded broker has no tiered storage, and so no settings of it.
    """
    described = await values(wire, await wire.topic())
    tiered = {name for name in described if name.startswith(("remote.", "local."))}
    assert set(described) - tiered == set(_DEFAULTS)


async def test_a_setting_tells_where_it_comes_from(wire: Wire) -> None:
    """What the topic was given is its own (1), the rest is the default (5); none is secret."""
    topic = await wire.topic(configs={"retention.ms": "5000"})
    described = await describe(wire, topic, "retention.ms", "flush.ms")
    found = {each["name"]: (each["source"], each["value"]) for each in described["configs"]}
    assert found == {"retention.ms": (1, "5000"), "flush.ms": (5, _FOREVER)}
    assert not any(each["read_only"] or each["sensitive"] for each in described["configs"])


async def test_only_the_settings_asked_for_are_described(wire: Wire) -> None:
    """A name that is no setting is left out without an error."""
    described = await values(wire, await wire.topic(), "retention.ms", "no.such.setting")
    assert set(described) == {"retention.ms"}


async def test_an_own_setting_tells_what_it_hides(wire: Wire) -> None:
    """When asked to, the description lists where a value may come from, its own first."""
    topic = await wire.topic(configs={"retention.ms": "5000"})
    described = await describe(wire, topic, "retention.ms", synonyms=True)
    (setting,) = described["configs"]
    first = setting["synonyms"][0]
    assert (first["name"], first["value"], first["source"]) == ("retention.ms", "5000", 1)


async def test_an_unknown_topic_has_no_settings(wire: Wire) -> None:
    """UNKNOWN_TOPIC_OR_PARTITION, and no settings."""
    described = await describe(wire, fresh())
    assert described["error_code"] == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert described["configs"] == []


async def test_a_name_that_cannot_be_has_no_settings(wire: Wire) -> None:
    """A bad name is told as one, not as a topic that is not there."""
    described = await describe(wire, "a b")
    assert described["error_code"] == ErrorCode.INVALID_TOPIC


async def test_another_kind_of_resource_has_no_settings(wire: Wire) -> None:
    """Topics and brokers have them; what has no such number is INVALID_REQUEST."""
    described = await describe(wire, "x", type_=77)
    assert described["error_code"] == ErrorCode.INVALID_REQUEST


async def test_a_broker_describes_its_settings(wire: Wire) -> None:
    """Those it was started with cannot be changed, and say so."""
    (node,) = (await wire.ask("metadata", 8, topics=[]))["brokers"]
    described = await describe(wire, str(node["id"]), type_=BROKER)
    found = {each["name"]: each for each in described["configs"]}
    assert described["error_code"] == ErrorCode.NONE
    assert found["auto.create.topics.enable"]["value"] in {"true", "false"}
    assert found["auto.create.topics.enable"]["read_only"]
    assert found["num.partitions"]["value"].isdecimal()


@pytest.mark.parametrize("name", ["4711", "one"])
async def test_another_brokers_settings_are_not_known_here(wire: Wire, name: str) -> None:
    """A broker speaks of itself; the id must be its own and a number."""
    described = await describe(wire, name, type_=BROKER)
    assert described["error_code"] == ErrorCode.INVALID_REQUEST
