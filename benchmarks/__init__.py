"""Benchmarks anyone can run again: subjects, workloads, rounds, rows.

    _plan       what is to be measured: workloads, subjects, goals
    _session    a process that runs workloads of one subject when told to
    _runner     the rounds: every subject once on every workload, in turn
    _rows       from figures to rows: medians, ratios, goals
    _tables     rows as tables
    _peers      the virtual environment of other people's libraries
    local/      the suite of actors in memory: `callboard bench local`
    _answers    what such a process does with standard input, if it is in Python
    broker/     the suite of brokers with aiokafka in front: `callboard bench broker`
    kafka/      the suite of durable mailboxes: `callboard bench kafka`

A suite is a `Plan`; its subjects are processes that speak the few lines `_session` describes.
"""

from ._answers import answer_requests
from ._errors import BenchmarkError, PeersNotMade, UnknownChoice
from ._peers import (
    BROKER_PEERS,
    KAFKA_PEERS,
    PEERS,
    Peer,
    Program,
    find_peer,
    find_program,
    make_peers,
    peers_folder,
)
from ._plan import Goal, Plan, Subject, Workload, chosen
from ._rows import Row, as_json
from ._runner import Report, Watcher, run_plan
from ._tables import print_report

__all__ = [
    "BROKER_PEERS",
    "KAFKA_PEERS",
    "PEERS",
    "BenchmarkError",
    "Goal",
    "Peer",
    "PeersNotMade",
    "Plan",
    "Program",
    "Report",
    "Row",
    "Subject",
    "UnknownChoice",
    "Watcher",
    "Workload",
    "answer_requests",
    "as_json",
    "chosen",
    "find_peer",
    "find_program",
    "make_peers",
    "peers_folder",
    "print_report",
    "run_plan",
]
