"""The totals computed straight from the CSV file."""

from callboard.demo._data import find_archive
from callboard.demo._expected import Totals, compute_expected


def test_the_first_flight_counts_at_three_entities() -> None:
    """Row 1: N14228 from EWR (2 minutes late) to IAH (11 minutes late), 1,400 miles."""
    expected = compute_expected(find_archive(), 1)
    assert dict(expected.aircraft) == {"N14228": Totals(1, 0, 13, 1400)}
    assert dict(expected.airports) == {"EWR": Totals(1, 0, 2, 1400), "IAH": Totals(1, 0, 11, 1400)}


def test_what_follows_a_hostile_row_waits_behind_it() -> None:
    """Row 818 lands at 2400: it fails, and the later rows of N216JB are behind it."""
    expected = compute_expected(find_archive(), 4_000)
    assert expected.poisoned == {"N216JB"}
    assert expected.quarantined[818] == "failed"
    behind = [row for row, reason in expected.quarantined.items() if reason == "behind"]
    assert len(behind) == 5
    assert min(behind) > 818


def test_the_whole_file_has_132_poisoned_aircraft() -> None:
    """All 336,776 rows: 4,044 aircraft, 107 airports, 16,559 rows in quarantine."""
    expected = compute_expected(find_archive(), 336_776)
    assert (len(expected.aircraft), len(expected.airports)) == (4_044, 107)
    assert len(expected.quarantined) == 16_559
    assert len(expected.poisoned) == 132
    flown = sum(totals.flights + totals.cancelled for totals in expected.aircraft.values())
    assert flown + len(expected.quarantined) == 336_776
