"""What the totals must be, computed straight from the CSV file.

Deliberately shares no code with the reader, the entities or the messages: a
mistake made there must not be made here too. Plain dicts, plain arithmetic.
"""

import csv
import io
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path


@dataclass(slots=True)
class Totals:
    """Sums of one entity.

    Attributes:
        flights: Flights flown; at an airport, departures and arrivals.
        cancelled: Flights that never left.
        delay: Minutes.
        distance: Miles.
    """

    flights: int = 0
    cancelled: int = 0
    delay: int = 0
    distance: int = 0


@dataclass(slots=True)
class Expected:
    """What a replay must end in.

    Attributes:
        aircraft: Totals by tail number.
        airports: Totals by airport code.
        quarantined: Row number to `failed`, or to `behind` for rows of an
            aircraft whose earlier row failed.
        poisoned: Tail numbers of aircraft with a failed row.
    """

    aircraft: dict[str, Totals] = field(default_factory=lambda: defaultdict(Totals))
    airports: dict[str, Totals] = field(default_factory=lambda: defaultdict(Totals))
    quarantined: dict[int, str] = field(default_factory=dict[int, str])
    poisoned: set[str] = field(default_factory=set[str])


def compute_expected(archive: Path, limit: int) -> Expected:
    """Sum up the first `limit` rows of the file.

    An aircraft's first arrival at 2400 fails for good, and all its later rows
    wait behind it: none of them counts, for the aircraft or for its airports.
    """
    expected = Expected()
    with zipfile.ZipFile(archive) as folder, folder.open("flights.csv") as raw:
        rows = csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
        for number, row in enumerate(islice(rows, limit), start=1):
            _add(expected, number, row)
    return expected


def _add(expected: Expected, number: int, row: dict[str, str]) -> None:
    tail = "unassigned" if row["tailnum"] == "NA" else row["tailnum"]
    aircraft = expected.aircraft[tail]  # an aircraft that never counted anything is one too
    if tail in expected.poisoned:
        expected.quarantined[number] = "behind"
        return
    if row["arr_time"] == "2400":
        expected.poisoned.add(tail)
        expected.quarantined[number] = "failed"
        return
    origin = expected.airports[row["origin"]]
    if row["dep_time"] == "NA":
        aircraft.cancelled += 1
        origin.cancelled += 1
        return
    miles = int(row["distance"])
    late_out = int(row["dep_delay"]) if row["dep_delay"] != "NA" else 0
    late_in = int(row["arr_delay"]) if row["arr_delay"] != "NA" else 0
    aircraft.flights += 1
    aircraft.distance += miles
    aircraft.delay += late_out + late_in
    origin.flights += 1
    origin.distance += miles
    origin.delay += late_out
    if row["arr_time"] != "NA":
        destination = expected.airports[row["dest"]]
        destination.flights += 1
        destination.distance += miles
        destination.delay += late_in
