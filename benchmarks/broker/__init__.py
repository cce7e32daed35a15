"""The suite of brokers with aiokafka in front: `callboard bench broker`.

_workloads   what is measured, how much of it, and the goals
_subjects    which brokers are measured, and what starts them
_suite       from what was asked for to a plan
__main__     the process that measures one broker when told to
_server      a broker as a child process: started, looked at, ended
_launch      how each kind of broker is started
_rates, _latency, _idle, _memory   the workloads

Every broker has the same clients in front of it: aiokafka's own, unchanged, in the process that
measures, and as a program uses them that says no more than it has to.
"""

from ._launch import servers
from ._server import running
from ._subjects import SUBJECT_NAMES, FoundBroker, find_broker
from ._suite import BrokerBenchOptions, plan_broker
from ._workloads import KAFKA, WORKLOAD_NAMES

__all__ = [
    "KAFKA",
    "SUBJECT_NAMES",
    "WORKLOAD_NAMES",
    "BrokerBenchOptions",
    "FoundBroker",
    "find_broker",
    "plan_broker",
    "running",
    "servers",
]
