"""The simulator: whole systems, their broker and the network between, in one process by one seed.

_run          one run, from its seed to its outcome
_simulation   what a scenario can do: machines, faults, time, invariants
_machine, _nodes   machines; brokers and nodes of actor systems on them
_hosts, _loop whose a callback is, and whether it may run
_network, _connection   connections in virtual time: delays, pieces, cuts, resets
_trace        what happened, and the hash of it
_environment  clocks, randomness and logs, borrowed from the process
"""

from ._errors import HostFailed, InvariantViolated
from ._faults import KINDS, Fault
from ._machine import Machine
from ._network import NetworkOptions
from ._nodes import broker, node
from ._run import Outcome, Scenario, simulate
from ._shrink import replay_command, shrink
from ._simulation import Simulation
from ._trace import Event, Trace

__all__ = [
    "KINDS",
    "Event",
    "Fault",
    "HostFailed",
    "InvariantViolated",
    "Machine",
    "NetworkOptions",
    "Outcome",
    "Scenario",
    "Simulation",
    "Trace",
    "broker",
    "node",
    "replay_command",
    "shrink",
    "simulate",
]
