"""The main job: every flight that left New York's airports in 2013, replayed to entities.

    _data -> _dispatcher -> Kafka -> _entities      what an application is made of
    app                                             the worker node
    _conductor, _company, _processes                start, kill, replace, stop
    _expected, _verification                        is every total what the CSV file says?
    _options, _observer, _progress, _screen, _report    what was asked for, and what is shown

Begin with `_entities`: it is the part an application's author would write.
`callboard demo` runs it all.
"""

from ._conductor import DemoFailed, conduct, system_name
from ._data import DataMissing, find_archive, read_flights
from ._entities import Aircraft, Airport
from ._expected import compute_expected
from ._options import DemoOptions
from ._report import Report, print_report
from ._screen import make_screen
from ._verification import Outcome, verify

__all__ = [
    "Aircraft",
    "Airport",
    "DataMissing",
    "DemoFailed",
    "DemoOptions",
    "Outcome",
    "Report",
    "compute_expected",
    "conduct",
    "find_archive",
    "make_screen",
    "print_report",
    "read_flights",
    "system_name",
    "verify",
]
