"""Who waits for a topic goes first when it is ready."""

import asyncio

import pytest

from callboard import TransportUnavailable
from callboard.transport._gate import Gate


async def test_who_comes_late_does_not_overtake() -> None:
    """It is open to those who come while the ones before them still wait for all the rest."""
    through = asyncio.Event()

    async def ready() -> None:
        await through.wait()
        await asyncio.sleep(0)

    gate = Gate(ready)
    entered: list[int] = []

    async def sender(number: int, *, is_open: bool) -> None:
        await gate.enter(is_open=is_open)
        entered.append(number)

    tasks = [asyncio.create_task(sender(number, is_open=number > 2)) for number in range(4)]
    await asyncio.sleep(0)
    assert not entered
    through.set()
    for number in range(4, 20):  # one at every step in which the others are let in
        tasks.append(asyncio.create_task(sender(number, is_open=True)))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert entered == list(range(20))


async def test_who_fails_or_gives_up_does_not_hold_up_the_next() -> None:
    """Its error is its own; the next one asks again."""
    errors = [TransportUnavailable("no broker")]

    async def ready() -> None:
        await asyncio.sleep(0)
        if errors:
            raise errors.pop()

    gate = Gate(ready)
    first = asyncio.create_task(gate.enter(is_open=False))
    second = asyncio.create_task(gate.enter(is_open=False))
    third = asyncio.create_task(gate.enter(is_open=False))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(TransportUnavailable):
        await first
    await third
    await asyncio.wait_for(gate.enter(is_open=True), 0.1)
