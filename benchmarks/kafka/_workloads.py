"""What is measured of durable mailboxes, how much of it, and what callboard is to reach."""

from .. import Goal, Workload
from ._queues import VARIABLES

OURS = "callboard"
SEND = "aiokafka_send"
BATCH = "aiokafka_batch"
BASELINE = SEND

_BOTH = frozenset({OURS, SEND})
_BY_HAND = frozenset({OURS, SEND, BATCH})
_MESSAGES = "messages/s"
_SECONDS = 180.0

WORKLOADS = (
    Workload(
        "send",
        _MESSAGES,
        "send",
        100_000,
        5_000,
        seconds=_SECONDS,
        subjects=_BY_HAND,
        goals={OURS: Goal(ratio=3.0)},
    ),
    Workload("send_each", _MESSAGES, "send_each", 50_000, 5_000, seconds=_SECONDS, subjects=_BOTH),
    Workload(
        "pipeline",
        _MESSAGES,
        "pipeline",
        200_000,
        50_000,
        seconds=_SECONDS,
        goals={OURS: Goal(ratio=2.0)},
    ),
    Workload(
        "pipeline_once",
        _MESSAGES,
        "pipeline_once",
        100_000,
        20_000,
        seconds=_SECONDS,
        subjects=_BY_HAND,
    ),
    Workload("ask", "ms", "ask", 500, 50, counted="asks", seconds=_SECONDS, subjects=_BOTH),
    Workload("ask_p99", "ms", "ask_p99", 500, 50, counted="asks", seconds=_SECONDS, subjects=_BOTH),
    Workload(
        "ask_actor",
        "ms",
        "ask_actor",
        500,
        50,
        counted="asks",
        seconds=_SECONDS,
        subjects=_BOTH,
        goals={OURS: Goal(within=1.3)},
    ),
    Workload("takeover", "s", "takeover", 1, 1, seconds=_SECONDS, subjects=_BOTH),
    Workload("restore", "entities/s", "restore", 100_000, 5_000, seconds=_SECONDS, subjects=_BOTH),
    Workload("restart", "entities/s", "restart", 100_000, 5_000, seconds=_SECONDS, subjects=_BOTH),
)

GETMANY = "aiokafka_getmany"
FASTSTREAM = "faststream"
WAYS = {"consume": "plain", "consume_async": "asynchronous", "consume_batch": "batch"}
"""Workloads of consumers, and the kind of function they feed."""

CONSUMER_WORKLOADS = tuple(
    Workload(
        name,
        _MESSAGES,
        name,
        200_000,
        20_000,
        counted="messages",
        seconds=_SECONDS,
        subjects=frozenset({OURS, GETMANY, FASTSTREAM}),
        goals={OURS: Goal(ratio=0.5, beats=FASTSTREAM)},
    )
    for name in WAYS
)
CONSUMER_NAMES = tuple(WAYS)

BY_HAND = "by_hand"
BRIDGE_WORKLOADS = tuple(
    Workload(
        name,
        _MESSAGES,
        name,
        50_000,
        20_000,
        counted="messages",
        seconds=_SECONDS,
        subjects=frozenset({OURS, BY_HAND}),
        goals={OURS: Goal(ratio=0.8)},
    )
    for name in VARIABLES
)
BRIDGE_NAMES = tuple(VARIABLES)

WORKLOAD_NAMES = tuple(workload.name for workload in WORKLOADS)
SESSION_TIMEOUT = 6.0
"""Seconds of silence after which a process counts as dead, in `takeover`."""
