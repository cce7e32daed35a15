"""How the dispatcher sends."""

import asyncio
from typing import Any, cast

from callboard import ActorSystem, Entity
from callboard.demo._dispatcher import replay
from callboard.demo.v1.flights_pb2 import Flight


class SlowLog:
    """Stands for a system: appends when `send` is called, acknowledges later."""

    def __init__(self) -> None:
        self.appended: list[int] = []
        self.unacknowledged = 0
        self.most_unacknowledged = 0

    def entity(self, kind: type[Entity], id: str) -> Any:
        """Return something with a `send`."""
        log = self

        class Ref:
            async def send(self, flight: Flight) -> None:
                log.appended.append(flight.row)
                log.unacknowledged += 1
                log.most_unacknowledged = max(log.most_unacknowledged, log.unacknowledged)
                await asyncio.sleep(0)
                log.unacknowledged -= 1

        return Ref()


def rows(count: int) -> list[tuple[str, Flight]]:
    """Return so many flights of one aircraft."""
    return [("N1", Flight(row=row)) for row in range(1, count + 1)]


async def test_flights_are_appended_in_order_and_bounded() -> None:
    """Overlapping sends neither overtake each other nor pile up."""
    log = SlowLog()

    async def never() -> None:
        raise AssertionError("there is no hold")

    sent = await replay(cast("ActorSystem", log), rows(9_001), holds=(), released=never)
    assert sent == 9_001
    assert log.appended == list(range(1, 9_002))
    assert log.unacknowledged == 0
    assert 1 < log.most_unacknowledged <= 1_000


async def test_a_hold_waits_until_all_before_it_is_acknowledged() -> None:
    """Nothing behind a hold is sent before the word to go on."""
    log = SlowLog()
    seen: list[tuple[int, int]] = []

    async def released() -> None:
        seen.append((len(log.appended), log.unacknowledged))

    await replay(cast("ActorSystem", log), rows(100), holds={1, 40, 100}, released=released)
    assert seen == [(1, 0), (40, 0), (100, 0)]
