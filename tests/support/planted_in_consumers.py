"""Bugs to plant in consumers and publishers, as somebody could have written them."""

from collections.abc import Callable
from typing import Any

import pytest

from callboard.transport import _outbound
from callboard.transport.consumers import _express, _lane, _slots
from callboard.transport.delivery import Outcome, _flusher

Plant = Callable[[pytest.MonkeyPatch], None]


def finished_before_outputs_are_acknowledged(patch: pytest.MonkeyPatch) -> None:
    """The position may move while what functions sent is still on its way."""

    async def flush(self: Any) -> None:
        async with self._turn:
            works = [work for shard in self._shards() if (work := shard.take()) is not None]
            if works:
                self._settle(works)
                await self._write_outputs(works)
                await self._write_states(works)

    patch.setattr(_flusher.Flusher, "flush", flush)


def a_lane_is_overtaken(patch: pytest.MonkeyPatch) -> None:
    """The express way calls the function, whether or not the key waits in a lane of its own."""
    take = _express.ExpressLane._take

    def hasty(self: Any, record: Any) -> Any:
        lanes, self.shard.lanes = self.shard.lanes, {self.key: self}
        try:
            return take(self, record)
        finally:
            self.shard.lanes = {**lanes, **self.shard.lanes}

    patch.setattr(_express.ExpressLane, "_take", hasty)


def a_parked_key_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """What is written of a lane does not say that its key is in quarantine."""
    stored = _lane.ConsumerLane.stored

    def forgetful(self: Any) -> Any:
        return stored(self)._replace(parked=False, parked_at=-1)

    patch.setattr(_lane.ConsumerLane, "stored", forgetful)


def a_parked_key_does_not_say_how_far_it_is(patch: pytest.MonkeyPatch) -> None:
    """After a crash, what was handled before the poison follows it into quarantine."""
    stored = _lane.ConsumerLane.stored

    def vague(self: Any) -> Any:
        return stored(self)._replace(applied=-1)

    patch.setattr(_lane.ConsumerLane, "stored", vague)


def what_a_failed_call_sent_leaves(patch: pytest.MonkeyPatch) -> None:
    """What a function has sent leaves, whatever comes of the call."""
    failed = _lane.ConsumerLane._failed

    def leaving(self: Any, error: BaseException) -> None:
        if self._turn is not None and self._turn.outputs:
            self.shard.done(Outcome(None, self._turn.outputs, None, None, None))
        failed(self, error)

    patch.setattr(_lane.ConsumerLane, "_failed", leaving)


def a_call_that_waits_holds_up_all_keys(patch: pytest.MonkeyPatch) -> None:
    """A consumer makes one call at a time, however many it may."""

    def room(self: Any) -> bool:
        return not self._running

    patch.setattr(_slots.Slots, "room", property(room))


def a_publisher_does_not_wait(patch: pytest.MonkeyPatch) -> None:
    """`send` returns when the message is in the buffer."""

    async def send(self: Any, make: Any) -> None:
        self.post(make)

    patch.setattr(_outbound.ClientSender, "send", send)


PLANTED_IN_CONSUMERS: dict[str, tuple[str, Plant]] = {
    plant.__name__.replace("_", " "): ("orders", plant)
    for plant in (
        finished_before_outputs_are_acknowledged,
        a_lane_is_overtaken,
        a_parked_key_is_forgotten,
        a_parked_key_does_not_say_how_far_it_is,
        what_a_failed_call_sent_leaves,
        a_call_that_waits_holds_up_all_keys,
        a_publisher_does_not_wait,
    )
}
"""By name: the scenario that is to find it, and how it is planted."""

FOUND_FROM = {
    "finished before outputs are acknowledged": 21,
    "a parked key does not say how far it is": 7,
    "a publisher does not wait": 3,
}
"""The seed to begin with, of those that no earlier one finds: each takes some seconds."""
