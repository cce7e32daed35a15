"""What is measured of brokers, how much of it, and what the embedded one is to reach."""

from .. import Goal, Workload

OURS = "callboard"
NOIDA = "noida_db"
TANSU = "tansu"
KAFKA = "apache_kafka"
BASELINE = TANSU

_RECORDS = "records/s"
_COST = "us a record"
_LATENCIES = 600
_QUICK_LATENCIES = 100
_SECONDS = 90.0


def _goal(
    ratio: float | None = None, *, most: float | None = None, beats: str | None = None
) -> dict[str, Goal]:
    return {OURS: Goal(ratio, most, beats)}


WORKLOADS = (
    Workload("produce", _RECORDS, "produce", 150_000, 15_000, seconds=_SECONDS, goals=_goal(1.0)),
    Workload(
        "produce_batches",
        _RECORDS,
        "produce_batches",
        400_000,
        40_000,
        seconds=_SECONDS,
        goals=_goal(1.0),
    ),
    Workload(
        "consume",
        _RECORDS,
        "consume",
        400_000,
        40_000,
        seconds=_SECONDS,
        goals=_goal(1.0),
    ),
    Workload("produce_cpu", _COST, "produce_cpu", 150_000, 15_000, seconds=_SECONDS),
    Workload(
        "produce_batches_cpu", _COST, "produce_batches_cpu", 400_000, 40_000, seconds=_SECONDS
    ),
    Workload("consume_cpu", _COST, "consume_cpu", 400_000, 40_000, seconds=_SECONDS),
    Workload(
        "end_to_end_p50",
        "ms",
        "end_to_end_p50",
        _LATENCIES,
        _QUICK_LATENCIES,
        counted="records",
        seconds=_SECONDS,
        goals=_goal(most=3.0),
    ),
    Workload(
        "end_to_end_p99",
        "ms",
        "end_to_end_p99",
        _LATENCIES,
        _QUICK_LATENCIES,
        counted="records",
        seconds=_SECONDS,
    ),
    Workload(
        "idle_100",
        "percent of a core",
        "idle",
        100,
        20,
        counted="consumers",
        seconds=_SECONDS,
        goals=_goal(most=10.0),
    ),
    Workload("memory_idle", "MB", "memory_idle", 1, 1, seconds=_SECONDS),
    Workload(
        "memory_stored",
        "bytes a byte",
        "memory_stored",
        100,
        10,
        counted="MB",
        seconds=_SECONDS,
    ),
)

WORKLOAD_NAMES = tuple(workload.name for workload in WORKLOADS)
