"""The flights: aircraft count what they flew and tell airports; the totals come out right."""

import asyncio
import random
from collections import Counter

from .. import ActorSystem
from ..demo import Aircraft, Airport
from ..demo.v1.flights_pb2 import AircraftState, AirportState, Flight
from ..testing.simulation import Simulation
from ._common import play, sent, settled, states

_AIRCRAFT = [f"N{number}" for number in range(6)]
_AIRPORTS = ["JFK", "LGA", "EWR", "BOS"]
_FLIGHTS = 16
_DISPATCHERS = 3


class _Flown:
    """The flights that were accepted; each is sent until it is, so each counts once or more."""

    def __init__(self) -> None:
        self.accepted: list[tuple[str, Flight]] = []
        self.unknown: list[tuple[str, Flight]] = []

    async def dispatcher(self, system: ActorSystem, name: str, choices: random.Random) -> None:
        """Send flights to the aircraft that fly them."""
        for row in range(_FLIGHTS):
            tail = choices.choice(_AIRCRAFT)
            origin, destination = choices.sample(_AIRPORTS, 2)
            flight = Flight(
                row=row,
                carrier=name,
                origin=origin,
                destination=destination,
                departure_time=900,
                departure_delay=choices.randint(-5, 60),
                arrival_time=1200,
                arrival_delay=choices.randint(-20, 90),
                distance_miles=choices.randint(100, 2_500),
            )
            known = await sent(system, Aircraft, tail, flight)
            (self.accepted if known else self.unknown).append((tail, flight))
            await asyncio.sleep(choices.uniform(0.0, 0.4))


Totals = Counter[tuple[str, str]]


async def flights(sim: Simulation) -> None:
    """Three nodes run aircraft and airports, three dispatchers send flights, things go wrong."""
    flown = _Flown()
    await play(sim, "flights", [Aircraft, Airport], [flown.dispatcher] * _DISPATCHERS)
    least = _expected(flown.accepted)
    most = _expected(flown.accepted + flown.unknown)

    async def look() -> Totals:
        await asyncio.sleep(0)
        return _totals(sim)

    seen = await settled(sim, look, lambda totals: all(totals[k] >= n for k, n in least.items()))
    await sim.sleep(5.0)  # what comes twice would come now
    seen = _totals(sim)
    for key, number in sorted(least.items()):
        assert number <= seen[key] <= most[key], (
            f"{key[1]} of {key[0]} is {seen[key]}; expected {number} to {most[key]}"
        )
    aircraft = sum(n for (name, what), n in seen.items() if what == "flights" and name[0] == "N")
    airports = sum(n for (name, what), n in seen.items() if what == "flights" and name[0] != "N")
    assert airports == 2 * aircraft, f"{aircraft} flights, and airports know of {airports} ends"


def _expected(flights: list[tuple[str, Flight]]) -> Totals:
    totals: Totals = Counter()
    for tail, flight in flights:
        totals[tail, "flights"] += 1
        totals[tail, "miles"] += flight.distance_miles
        for airport in (flight.origin, flight.destination):
            totals[airport, "flights"] += 1
            totals[airport, "miles"] += flight.distance_miles
    return totals


def _totals(sim: Simulation) -> Totals:
    totals: Totals = Counter()
    for kind, state in (("Aircraft", AircraftState), ("Airport", AirportState)):
        for name, raw in states(sim, f"flights.{kind}").items():
            found = state()
            found.ParseFromString(raw)
            totals[name, "flights"] = found.flights
            totals[name, "miles"] = found.distance_miles
    return totals
