"""The suite of actors in memory: `callboard bench local`.

_workloads      what is measured, how much of it, and the goals
_subjects       who is measured, and with which interpreter
subjects/       the code that is measured: one file each
erlang/         the same in Erlang

"""

from ._subjects import SUBJECT_NAMES
from ._suite import LocalOptions, plan_local
from ._workloads import WORKLOAD_NAMES

__all__ = ["SUBJECT_NAMES", "WORKLOAD_NAMES", "LocalOptions", "plan_local"]
