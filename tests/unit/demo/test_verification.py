"""The comparison of what entities remember with what the CSV file says."""

from typing import Any

import pytest

from callboard.demo._expected import Expected, Totals
from callboard.demo._verification import Outcome, verify
from callboard.demo.v1.flights_pb2 import AircraftState, AirportState, Flight
from callboard.transport import QuarantinedMessage, StoredState


def parked(row: int, reason: str, **changes: Any) -> QuarantinedMessage:
    """Return a row in quarantine."""
    fields: dict[str, Any] = {
        "key": "N2",
        "type": "callboard.demo.v1.Flight",
        "topic": "flights.Aircraft",
        "partition": 0,
        "offset": row,
        "reason": reason,
        "error": "",
        "value": Flight(row=row).SerializeToString(),
    }
    return QuarantinedMessage(**fields | changes)


def state(flights: int, *, airport: bool = False, held: bool = False, **sums: Any) -> StoredState:
    """Return the durable state of an entity."""
    message = (AirportState if airport else AircraftState)(flights=flights, **sums)
    return StoredState(message.SerializeToString(), 1, 7, held)


def expected() -> Expected:
    """Return what a small replay must end in."""
    return Expected(
        aircraft={"N1": Totals(2, 1, 30, 900), "N2": Totals()},
        airports={"EWR": Totals(2, 1, 10, 900)},
        quarantined={4: "failed", 5: "behind"},
        poisoned={"N2"},
    )


def outcome(**changes: Any) -> Outcome:
    """Return an outcome that is exactly that, but for what is changed."""
    fields: dict[str, Any] = {
        "aircraft": {
            "N1": state(2, cancelled=1, delay_minutes=30, distance_miles=900),
            "N2": StoredState(parked=True),
        },
        "airports": {
            "EWR": state(2, airport=True, cancelled=1, delay_minutes=10, distance_miles=900)
        },
        "quarantined": [parked(4, "failed"), parked(5, "behind")],
    }
    return Outcome(**fields | changes)


def test_equal_totals_have_no_mismatch() -> None:
    """What is as it should be is not mentioned."""
    verdict = verify(expected(), outcome())
    assert verdict.mismatches == []
    assert verdict.lost == 0


@pytest.mark.parametrize(
    ("changes", "said", "lost"),
    [
        pytest.param(
            {"airports": {"EWR": state(1, airport=True, delay_minutes=10, distance_miles=900)}},
            "Airport/EWR: flights 1 instead of 2, cancelled 0 instead of 1",
            2,
            id="messages lost",
        ),
        pytest.param(
            {
                "airports": {
                    "EWR": state(3, airport=True, cancelled=1, delay_minutes=10, distance_miles=950)
                }
            },
            "Airport/EWR: flights 3 instead of 2, miles 950 instead of 900",
            0,
            id="a message applied twice",
        ),
        pytest.param(
            {
                "airports": {
                    "EWR": state(2, airport=True, cancelled=1, delay_minutes=-9, distance_miles=900)
                }
            },
            "Airport/EWR: minutes of delay -9 instead of 10",
            0,
            id="a wrong sum",
        ),
        pytest.param(
            {"airports": {}},
            "Airport/EWR: flights 0 instead of 2, cancelled 0 instead of 1, "
            "minutes of delay 0 instead of 10, miles 0 instead of 900",
            3,
            id="an entity missing",
        ),
        pytest.param(
            {"quarantined": [parked(4, "failed")]},
            "quarantine: row 5 is missing",
            1,
            id="a row missing in quarantine",
        ),
        pytest.param(
            {"quarantined": [parked(n, "failed" if n == 4 else "behind") for n in (4, 5, 6)]},
            "quarantine: row 6 is there (behind) by mistake",
            0,
            id="a row too many in quarantine",
        ),
        pytest.param(
            {"quarantined": [parked(4, "failed"), parked(5, "failed")]},
            "quarantine: row 5 is there as 'failed' instead of 'behind'",
            0,
            id="the wrong reason",
        ),
        pytest.param(
            {"quarantined": [parked(4, "failed"), parked(5, "behind"), parked(5, "behind")]},
            "quarantine: row 5 is there twice",
            0,
            id="a row twice",
        ),
        pytest.param(
            {
                "quarantined": [
                    parked(4, "failed"),
                    parked(5, "behind"),
                    parked(1, "unhandled", type="callboard.demo.v1.Arrived", key="EWR", error="x"),
                ]
            },
            "quarantine: a callboard.demo.v1.Arrived to EWR (unhandled: x)",
            0,
            id="a message that is no flight",
        ),
    ],
)
def test_a_planted_difference_is_found(changes: dict[str, Any], said: str, lost: int) -> None:
    """Each kind of difference is told in one sentence, and what is missing is counted."""
    verdict = verify(expected(), outcome(**changes))
    assert verdict.mismatches == [said]
    assert verdict.lost == lost


def test_an_entity_nobody_expected_is_found() -> None:
    """An Aircraft that is in no row is a mismatch."""
    aircraft = {**outcome().aircraft, "N3": state(1)}
    verdict = verify(expected(), outcome(aircraft=aircraft))
    assert verdict.mismatches == ["Aircraft/N3: flights 1 instead of 0"]


def test_an_aircraft_that_should_be_parked_and_is_not_is_found() -> None:
    """The parked mark of the state is compared too."""
    aircraft = {**outcome().aircraft, "N2": StoredState()}
    verdict = verify(expected(), outcome(aircraft=aircraft))
    assert verdict.mismatches == ["Aircraft/N2: not parked by mistake"]
