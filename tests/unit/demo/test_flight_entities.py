"""The demo's entities, handler by handler, without a system."""

from typing import Any

import pytest

from callboard import Entity
from callboard.demo import Aircraft, Airport
from callboard.demo._entities import clock_time
from callboard.demo.v1.flights_pb2 import (
    AircraftState,
    AirportState,
    Arrived,
    Cancelled,
    Departed,
    Flight,
)
from callboard.supervision import RetryPolicy


class Told:
    """Stands for a context: notes what is told to whom."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Any]] = []

    def entity(self, kind: type[Entity], id: str) -> Any:
        """Return something with a `tell`."""
        noted, address = self.messages, f"{kind.kind()}/{id}"

        class Ref:
            def tell(self, message: Any) -> None:
                noted.append((address, message))

        return Ref()


def aircraft() -> tuple[Aircraft, Told]:
    """Return a fresh Aircraft and what it tells."""
    entity, told = Aircraft(), Told()
    entity.state = AircraftState()
    entity.context = told  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    return entity, told


def flight(**changes: Any) -> Flight:
    """Return a flight from EWR to IAH."""
    fields: dict[str, Any] = {
        "origin": "EWR",
        "destination": "IAH",
        "departure_time": 517,
        "departure_delay": 2,
        "arrival_time": 830,
        "arrival_delay": 11,
        "distance_miles": 1400,
    }
    return Flight(**fields | changes)


def test_a_flight_counts_and_tells_both_airports() -> None:
    """Origin and destination each get their own delay."""
    entity, told = aircraft()
    entity.flight(flight())
    assert entity.state == AircraftState(
        flights=1, delay_minutes=13, distance_miles=1400, last_arrival="08:30"
    )
    assert told.messages == [
        ("Airport/EWR", Departed(delay_minutes=2, distance_miles=1400)),
        ("Airport/IAH", Arrived(delay_minutes=11, distance_miles=1400)),
    ]


def test_a_cancelled_flight_concerns_its_origin_only() -> None:
    """It adds neither delay nor distance."""
    entity, told = aircraft()
    entity.flight(Flight(origin="EWR", destination="IAH", distance_miles=1400))
    assert entity.state == AircraftState(cancelled=1)
    assert told.messages == [("Airport/EWR", Cancelled())]


def test_a_flight_that_never_arrived_tells_no_destination() -> None:
    """A departure without an arrival time counts as flown."""
    entity, told = aircraft()
    entity.flight(flight(arrival_time=None, arrival_delay=None))
    assert entity.state == AircraftState(flights=1, delay_minutes=2, distance_miles=1400)
    assert [address for address, _ in told.messages] == ["Airport/EWR"]


def test_a_diverted_flight_arrives_without_a_delay() -> None:
    """An arrival time without an arrival delay is an arrival, 0 minutes late."""
    entity, told = aircraft()
    entity.flight(flight(arrival_delay=None))
    assert told.messages[1] == ("Airport/IAH", Arrived(delay_minutes=0, distance_miles=1400))


def test_an_arrival_at_2400_crashes_the_handler() -> None:
    """The naive clock fails with the standard library's own error."""
    entity, _ = aircraft()
    with pytest.raises(ValueError, match=r"hour must be in 0\.\.23"):
        entity.flight(flight(arrival_time=2400))


@pytest.mark.parametrize(("hhmm", "text"), [(1, "00:01"), (517, "05:17"), (2359, "23:59")])
def test_clock_times_are_hours_and_minutes(hhmm: int, text: str) -> None:
    """517 means 5:17."""
    assert clock_time(hhmm).isoformat("minutes") == text


def test_an_airport_counts_movements_and_cancellations() -> None:
    """Departures and arrivals are flights; cancelled departures are counted apart."""
    airport = Airport()
    airport.state = AirportState()
    airport.moved(Departed(delay_minutes=-5, distance_miles=100))
    airport.moved(Arrived(delay_minutes=20, distance_miles=200))
    airport.cancelled(Cancelled())
    assert airport.state == AirportState(
        flights=2, cancelled=1, delay_minutes=15, distance_miles=300
    )


def test_a_hostile_row_gets_three_attempts() -> None:
    """The policy the demo shows is the one its documentation names."""
    assert isinstance(Aircraft.policy, RetryPolicy)
    assert "max_attempts=3" in repr(Aircraft.policy)
