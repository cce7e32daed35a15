"""Measures one subject when told to.

    python -m callboard.benchmarks.kafka SUBJECT BROKER [WHAT WAS FOUND OF IT ...]

Says `{"ready": ...}` once. Then each line of standard input asks for one run, as `WORKLOAD N
SECONDS`, and is answered with one line, `{"value": ...}` or `{"error": ...}`. Each run has a broker
of its own, which is started before and ended after it.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from .. import KAFKA_PEERS, answer_requests
from ..broker import running, servers
from . import _bridging, _consuming, _frameworks, _ours, _raw
from ._workloads import BATCH, BRIDGE_NAMES, BY_HAND, FASTSTREAM, GETMANY, OURS, SEND, WAYS

Run = Callable[[str, int], Awaitable[float]]

_FASTSTREAM: Mapping[str, Run] = {
    name: partial(_frameworks.consume, subject=FASTSTREAM, way=way) for name, way in WAYS.items()
}
RUNS: Mapping[str, Mapping[str, Run]] = {
    OURS: {
        "send": _ours.send,
        "send_each": _ours.send_each,
        "pipeline": _ours.pipeline,
        "pipeline_once": partial(_ours.pipeline, exactly_once=True),
        "ask": partial(_ours.ask, percent=50),
        "ask_p99": partial(_ours.ask, percent=99),
        "ask_actor": _ours.ask_actor,
        "takeover": _ours.takeover,
        "restore": _ours.restore,
        "restart": _ours.restart,
        **{name: partial(_consuming.consume, way=way) for name, way in WAYS.items()},
        **{name: partial(_bridging.bridge, kind=name) for name in BRIDGE_NAMES},
    },
    BY_HAND: {name: partial(_bridging.bridge_by_hand, kind=name) for name in BRIDGE_NAMES},
    GETMANY: {name: partial(_consuming.consume_by_hand, way=way) for name, way in WAYS.items()},
    SEND: {
        "send": _raw.send,
        "send_each": _raw.send,
        "pipeline": partial(_raw.pipeline, batches=False),
        "pipeline_once": partial(_raw.pipeline, batches=False, exactly_once=True),
        "ask": partial(_raw.ask, percent=50),
        "ask_p99": partial(_raw.ask, percent=99),
        "ask_actor": partial(_raw.ask, percent=50, stateful=False),
        "takeover": _raw.takeover,
        "restore": _raw.restore,
        "restart": _raw.restore,
    },
    BATCH: {
        "send": _raw.send_batches,
        "pipeline": partial(_raw.pipeline, batches=True),
        "pipeline_once": partial(_raw.pipeline, batches=True, exactly_once=True),
    },
    **{
        peer.subject: {
            "pipeline": partial(_frameworks.pipeline, subject=peer.subject),
            **(_FASTSTREAM if peer.subject == FASTSTREAM else {}),
        }
        for peer in KAFKA_PEERS
    },
}


def main() -> None:
    """Answer requests until standard input closes."""
    subject, kind = sys.argv[1], servers(sys.argv[2], sys.argv[3:])

    async def run(workload: str, n: int) -> float:
        async with running(kind) as server:
            return await RUNS[subject][workload](server.bootstrap, n)

    answer_requests(f"before {kind.version}", run)


if __name__ == "__main__":
    main()
