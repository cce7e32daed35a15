"""A topic's settings: their names, defaults and values, as Kafka has them."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from .log import CompactionRules, Rules

_MAX_LONG = 2**63 - 1
_DAY = 86_400_000


class Setting(NamedTuple):
    """One setting.

    Attributes:
        default: What a topic has unless it says otherwise.
        check: Returns what is expected, where a value is not that.
        followed: Whether this broker acts on it; others are kept and described.
    """

    default: str
    check: Callable[[str], str | None]
    followed: bool = False


def _whole(least: int, most: int = _MAX_LONG) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        try:
            number = int(value)
        except ValueError:
            return "a whole number"
        return None if least <= number <= most else f"a number from {least} to {most}"

    return check


def _one_of(*allowed: str) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        return None if value in allowed else f"one of {', '.join(allowed)}"

    return check


def _policies(value: str) -> str | None:
    given = {policy.strip() for policy in value.split(",")}
    return None if given <= {"compact", "delete", ""} else "compact, delete, or both"


def _ratio(value: str) -> str | None:
    try:
        return None if 0 <= float(value) <= 1 else "a number from 0 to 1"
    except ValueError:
        return "a number from 0 to 1"


def _yes_or_no(value: str) -> str | None:
    return None if value.lower() in {"true", "false"} else "true or false"


def _replicas(value: str) -> str | None:
    return None if _PAIRS.fullmatch(value) else "partition:broker pairs, * or nothing"


_PAIRS = re.compile(r"\*?|\d+:\d+(,\d+:\d+)*")


SETTINGS: Mapping[str, Setting] = {
    "cleanup.policy": Setting("delete", _policies, followed=True),
    "compression.gzip.level": Setting("-1", _whole(-1, 9)),
    "compression.lz4.level": Setting("9", _whole(1, 17)),
    "compression.type": Setting(
        "producer", _one_of("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")
    ),
    "compression.zstd.level": Setting("3", _whole(-131072, 22)),
    "delete.retention.ms": Setting(str(_DAY), _whole(0), followed=True),
    "file.delete.delay.ms": Setting("60000", _whole(0)),
    "flush.messages": Setting(str(_MAX_LONG), _whole(1)),
    "flush.ms": Setting(str(_MAX_LONG), _whole(0)),
    "follower.replication.throttled.replicas": Setting("", _replicas),
    "index.interval.bytes": Setting("4096", _whole(0)),
    "leader.replication.throttled.replicas": Setting("", _replicas),
    "max.compaction.lag.ms": Setting(str(_MAX_LONG), _whole(1)),
    "max.message.bytes": Setting("1048588", _whole(0, 2**31 - 1), followed=True),
    "message.timestamp.after.max.ms": Setting("3600000", _whole(0), followed=True),
    "message.timestamp.before.max.ms": Setting(str(_MAX_LONG), _whole(0), followed=True),
    "message.timestamp.type": Setting(
        "CreateTime", _one_of("CreateTime", "LogAppendTime"), followed=True
    ),
    "min.cleanable.dirty.ratio": Setting("0.5", _ratio, followed=True),
    "min.compaction.lag.ms": Setting("0", _whole(0), followed=True),
    "min.insync.replicas": Setting("1", _whole(1, 2**31 - 1), followed=True),
    "preallocate": Setting("false", _yes_or_no),
    "retention.bytes": Setting("-1", _whole(-1), followed=True),
    "retention.ms": Setting(str(7 * _DAY), _whole(-1), followed=True),
    "segment.bytes": Setting(str(2**30), _whole(1_048_576, 2**31 - 1)),
    "segment.index.bytes": Setting("10485760", _whole(4, 2**31 - 1)),
    "segment.jitter.ms": Setting("0", _whole(0)),
    "segment.ms": Setting(str(7 * _DAY), _whole(1)),
    "unclean.leader.election.enable": Setting("false", _yes_or_no),
}
"""Every setting a topic can have."""


def wrong(configs: Mapping[str, str]) -> str | None:
    """Return what is wrong with settings; None when nothing is."""
    for name, value in configs.items():
        setting = SETTINGS.get(name)
        if setting is None:
            return f"Unknown topic config name: {name}"
        expected = setting.check(value)
        if expected is not None:
            return f"Invalid value {value} for configuration {name}: expected {expected}"
    least, most = (
        int(configs.get(name, SETTINGS[name].default))
        for name in ("min.compaction.lag.ms", "max.compaction.lag.ms")
    )
    if least > most:
        return f"min.compaction.lag.ms is {least}, above max.compaction.lag.ms, which is {most}"
    return None


class TopicConfigs:
    """What a topic's settings come to, read once and not for each request."""

    def __init__(self, own: Mapping[str, str]) -> None:
        self.own = dict(own)
        self.all = {name: setting.default for name, setting in SETTINGS.items()} | self.own
        policies = {policy.strip() for policy in self.all["cleanup.policy"].split(",")}
        self.compacts = "compact" in policies
        self.deletes = "delete" in policies
        self.retention_ms = int(self.all["retention.ms"])
        self.retention_bytes = int(self.all["retention.bytes"])
        self.min_in_sync = int(self.all["min.insync.replicas"])
        self.rules = Rules(
            max_bytes=int(self.all["max.message.bytes"]),
            compacted=self.compacts,
            log_append_time=self.all["message.timestamp.type"] == "LogAppendTime",
            before_ms=int(self.all["message.timestamp.before.max.ms"]),
            after_ms=int(self.all["message.timestamp.after.max.ms"]),
        )
        self.compaction = CompactionRules(
            lag_ms=int(self.all["min.compaction.lag.ms"]),
            delete_retention_ms=int(self.all["delete.retention.ms"]),
            dirty_ratio=float(self.all["min.cleanable.dirty.ratio"]),
        )
