"""Events and dead letters that a test collects."""

import pytest

from callboard import Actor, DeadLetter, FailureEvent, handler
from callboard.testing import capture_events, dead_letters, make_system

pytestmark = pytest.mark.callboard_virtual


class Fragile(Actor):
    """Fails on zero."""

    @handler
    def divide(self, message: int) -> float:
        return 1 / message


async def test_events_of_the_types_are_collected_within_the_block() -> None:
    """In order, at once, none before and none after."""
    async with make_system() as system:
        system.events.publish("before")
        with capture_events(system, str, bytes) as captured:
            for event in ("one", 2, b"three"):
                system.events.publish(event)
            assert captured == ["one", b"three"]
        system.events.publish("after")
        assert captured == ["one", b"three"]


async def test_an_event_of_two_wanted_types_is_collected_once() -> None:
    """Subclasses count, and nothing is collected twice."""
    async with make_system() as system:
        with capture_events(system, int, bool) as captured, capture_events(system) as everything:
            system.events.publish(bool(1))
            system.events.publish("else")

        assert captured == [True]
        assert everything == [True, "else"]


async def test_failures_of_actors_are_events() -> None:
    """A crash under supervision can be asserted on."""
    async with make_system() as system:
        with capture_events(system, FailureEvent) as failures:
            fragile = system.spawn(Fragile)
            fragile.tell(0)
            assert await fragile.ask(4, timeout=60.0) == 0.25

        assert [event.error_type for event in failures] == ["ZeroDivisionError"]
        assert failures[0].at == 1_767_225_600.0


async def test_dead_letters_are_collected() -> None:
    """What nobody took is there, with the reason."""
    async with make_system() as system:
        fragile = system.spawn(Fragile, name="fragile")
        with dead_letters(system) as letters:
            fragile.tell("no number")
            await fragile.ask(1, timeout=1.0)

        assert [type(letter) for letter in letters] == [DeadLetter]
        assert letters[0].message == "no number"
        assert str(letters[0].recipient) == "callboard://test/user/fragile"
        assert "no handler for str" in letters[0].reason
