"""The two kinds of entities: one Aircraft per tail number, one Airport per airport code.

This is what an application of callboard looks like. Nothing here knows of
Kafka, processes or crashes: state is restored before a handler runs and saved
after it, and what a handler tells others leaves only when it has succeeded.
"""

from datetime import time

from callboard import Entity, EntityRef, handler
from callboard.supervision import Backoff, RetryPolicy

from .v1.flights_pb2 import AircraftState, AirportState, Arrived, Cancelled, Departed, Flight

UNASSIGNED = "unassigned"
"""The id of the Aircraft that takes the flights without a tail number."""


def clock_time(hhmm: int) -> time:
    """Return the time of day the data means by 517 for 5:17.

    The naive one, on purpose: 150 flights of 2013 landed at 2400, which is no
    time of day. The handler that meets one crashes, and the row ends in
    quarantine after three attempts: let it crash.

    Raises:
        ValueError: There is no such time of day.

    >>> clock_time(517)
    datetime.time(5, 17)
    """
    return time(hhmm // 100, hhmm % 100)


class Aircraft(Entity):
    """Counts what one aircraft flew, and tells the airports it touched."""

    state: AircraftState
    policy = RetryPolicy(max_attempts=3, backoff=Backoff(0.02, 0.2, jitter=0.2))

    @handler
    def flight(self, flight: Flight) -> None:
        """Count a flight. A cancelled one concerns nobody but its origin."""
        state, origin = self.state, self.airport(flight.origin)
        if not flight.HasField("departure_time"):
            state.cancelled += 1
            origin.tell(Cancelled())
            return
        state.flights += 1
        state.distance_miles += flight.distance_miles
        # A delay the data does not have reads as 0.
        state.delay_minutes += flight.departure_delay + flight.arrival_delay
        origin.tell(
            Departed(delay_minutes=flight.departure_delay, distance_miles=flight.distance_miles)
        )
        if flight.HasField("arrival_time"):
            # Where it crashes on 2400: by now the state is changed and the origin told.
            # None of it stays, and none of it leaves.
            state.last_arrival = clock_time(flight.arrival_time).isoformat("minutes")
            self.airport(flight.destination).tell(
                Arrived(delay_minutes=flight.arrival_delay, distance_miles=flight.distance_miles)
            )

    def airport(self, code: str) -> EntityRef[Arrived | Cancelled | Departed]:
        """Return the ref of an airport, wherever it lives."""
        return self.context.entity(Airport, code)


class Airport(Entity):
    """Counts what aircraft tell it."""

    state: AirportState
    # New York's three airports have half of all messages. Over 7 partitions they
    # spread evenly on two nodes as on three; over 8 one node of two gets most.
    partitions = 7

    @handler
    def moved(self, movement: Departed | Arrived) -> None:
        """Count a departure or an arrival."""
        self.state.flights += 1
        self.state.delay_minutes += movement.delay_minutes
        self.state.distance_miles += movement.distance_miles

    @handler
    def cancelled(self, _: Cancelled) -> None:
        """Count a departure that was none."""
        self.state.cancelled += 1
