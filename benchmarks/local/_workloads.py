"""What is measured of actors in memory, how much of it, and what callboard is to reach."""

from .. import Goal, Workload

BASELINE = "asyncio_queue"
OURS = "callboard"
ERLANG = "erlang"
_LOOPS = "callboard_uvloop"

_RATE = "messages/s"


def _goal(
    ratio: float | None = None,
    *,
    most: float | None = None,
    beats: str | None = None,
    exists: str | None = None,
) -> dict[str, Goal]:
    return {OURS: Goal(ratio, most, beats, exists)}


WORKLOADS = (
    Workload("tell", _RATE, "tell", 200_000, 20_000, goals=_goal(2.0)),
    Workload("tell_async", _RATE, "tell_async", 200_000, 10_000, goals=_goal(1.0)),
    Workload("fan_out", _RATE, "fan_out", 200_000, 10_000, goals=_goal(5.0, beats=ERLANG)),
    Workload("ping_pong", _RATE, "ping_pong", 100_000, 5_000, goals=_goal(5.0)),
    Workload("ask", "asks/s", "ask", 50_000, 3_000, goals=_goal(1.2)),
    Workload("ask_100", "asks/s", "ask_100", 100_000, 6_000, goals=_goal(1.2)),
    Workload(
        "spawn",
        "spawns/s",
        "spawn",
        50_000,
        3_000,
        counted="actors",
        goals=_goal(5.0, beats=ERLANG),
    ),
    Workload(
        "idle_bytes_100k",
        "bytes",
        "idle",
        100_000,
        3_000,
        counted="actors",
        goals=_goal(most=1_200),
    ),
    Workload("idle_bytes_used_100k", "bytes", "idle_used", 100_000, 3_000, counted="actors"),
    Workload(
        "idle_bytes_1m",
        "bytes",
        "idle",
        1_000_000,
        0,
        seconds=180.0,
        subjects=frozenset({OURS, ERLANG}),
        goals=_goal(exists="1,000,000 alive"),
    ),
    Workload("restarts", "restarts/s", "restarts", 5_000, 500),
    Workload(
        "fairness",
        "ms",
        "fairness",
        200_000,
        5_000,
        subjects=frozenset({BASELINE, OURS, _LOOPS}),
        goals=_goal(most=5.0),
    ),
)

WORKLOAD_NAMES = tuple(workload.name for workload in WORKLOADS)
