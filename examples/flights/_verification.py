"""Compares what the entities remember with what the CSV file says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from callboard.transport import QuarantinedMessage, StoredState

from ._expected import Expected, Totals
from .v1.flights_pb2 import AircraftState, AirportState, Flight

_NOTHING = Totals()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a replay ended in, as read from the cluster.

    Attributes:
        aircraft: Durable state of every Aircraft, by tail number.
        airports: Durable state of every Airport, by code.
        quarantined: The quarantine of Aircraft and of Airport together.
    """

    aircraft: Mapping[str, StoredState]
    airports: Mapping[str, StoredState]
    quarantined: list[QuarantinedMessage]


@dataclass(slots=True)
class Verdict:
    """What the comparison found.

    Attributes:
        mismatches: One readable sentence for each difference.
        lost: Messages that are missing in the totals.
    """

    mismatches: list[str] = field(default_factory=list[str])
    lost: int = 0


def verify(expected: Expected, outcome: Outcome) -> Verdict:
    """Compare every entity's totals, and the quarantine row by row."""
    verdict = Verdict()
    aircraft = {
        tail: _totals(AircraftState.FromString(stored.value))
        for tail, stored in outcome.aircraft.items()
    }
    airports = {
        code: _totals(AirportState.FromString(stored.value))
        for code, stored in outcome.airports.items()
    }
    _compare(verdict, "Aircraft", expected.aircraft, aircraft)
    _compare(verdict, "Airport", expected.airports, airports)
    _compare_quarantine(verdict, expected, outcome)
    return verdict


def _totals(state: AircraftState | AirportState) -> Totals:
    return Totals(state.flights, state.cancelled, state.delay_minutes, state.distance_miles)


def _compare(
    verdict: Verdict, kind: str, expected: Mapping[str, Totals], actual: Mapping[str, Totals]
) -> None:
    for entity in sorted({*expected, *actual}):
        wanted, found = expected.get(entity, _NOTHING), actual.get(entity, _NOTHING)
        if wanted != found:
            verdict.mismatches.append(f"{kind}/{entity}: {_difference(wanted, found)}")
            verdict.lost += max(
                0, wanted.flights + wanted.cancelled - found.flights - found.cancelled
            )


def _difference(wanted: Totals, found: Totals) -> str:
    parts = [
        f"{name} {value:,} instead of {should:,}"
        for name, value, should in (
            ("flights", found.flights, wanted.flights),
            ("cancelled", found.cancelled, wanted.cancelled),
            ("minutes of delay", found.delay, wanted.delay),
            ("miles", found.distance, wanted.distance),
        )
        if value != should
    ]
    return ", ".join(parts)


def _compare_quarantine(verdict: Verdict, expected: Expected, outcome: Outcome) -> None:
    found: dict[int, str] = {}
    for message in outcome.quarantined:
        if message.type != Flight.DESCRIPTOR.full_name:
            verdict.mismatches.append(
                f"quarantine: a {message.type or 'record without a type'} to {message.key} "
                f"({message.reason}: {message.error})"
            )
            continue
        row = Flight.FromString(message.value).row
        if row in found:
            verdict.mismatches.append(f"quarantine: row {row:,} is there twice")
        found[row] = message.reason
    for row in sorted({*expected.quarantined, *found}):
        wanted, reason = expected.quarantined.get(row), found.get(row)
        if wanted is None:
            verdict.mismatches.append(f"quarantine: row {row:,} is there ({reason}) by mistake")
        elif reason is None:
            verdict.mismatches.append(f"quarantine: row {row:,} is missing")
            verdict.lost += 1
        elif wanted != reason:
            verdict.mismatches.append(
                f"quarantine: row {row:,} is there as {reason!r} instead of {wanted!r}"
            )
    parked = {tail for tail, stored in outcome.aircraft.items() if stored.parked}
    verdict.mismatches.extend(
        f"Aircraft/{tail}: {'parked' if tail in parked else 'not parked'} by mistake"
        for tail in sorted(parked ^ expected.poisoned)
    )
