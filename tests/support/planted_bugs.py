"""Bugs to plant in the delivery core: each is a line somebody could have written wrongly."""

from collections.abc import Callable
from typing import Any

import pytest
from support.planted_in_consumers import FOUND_FROM, PLANTED_IN_CONSUMERS

from callboard.transport.delivery import (
    _core,
    _flusher,
    _lane,
    _state,
    _takeover,
    _turn,
    _work,
)
from callboard.transport.delivery._dedup import MessageId, Window
from callboard.transport.delivery._tracker import Tracker

Plant = Callable[[pytest.MonkeyPatch], None]


def commit_early(patch: pytest.MonkeyPatch) -> None:
    """What was handed out counts as finished, as with a client's automatic commits."""
    received, all_received = Tracker.received, Tracker.all_received

    def receive(self: Any, offset: int, size: int = 0) -> bool:
        new = received(self, offset, size)
        self.position = self._next
        return new

    def receive_all(self: Any, offsets: Any, sizes: Any) -> bool:
        noted = all_received(self, offsets, sizes)
        if noted:
            self.position = self._next
        return noted

    def finished(self: Any, offsets: Any) -> None:
        self._load.records -= len(offsets)
        self._load.bytes -= sum([self._open.pop(each) for each in offsets])

    patch.setattr(Tracker, "received", receive)
    patch.setattr(Tracker, "all_received", receive_all)
    patch.setattr(Tracker, "all_finished", finished)


def the_last_state_wins(patch: pytest.MonkeyPatch) -> None:
    """Restoring goes by the last record of an entity, whoever wrote it."""
    fold = _state.Changelog.fold

    def forgetful(self: Any, records: Any) -> None:
        for record in records:
            if record.key is not None and record.key != _state.MARKER_KEY:
                self.states.pop(record.key.decode(), None)
            fold(self, [record])

    patch.setattr(_state.Changelog, "fold", forgetful)


def no_dedup(patch: pytest.MonkeyPatch) -> None:
    """A message that was applied before is applied again."""

    def has(self: Any, message: Any) -> bool:
        return False

    patch.setattr(Window, "has", has)


def the_window_is_not_kept(patch: pytest.MonkeyPatch) -> None:
    """The state record does not carry the ids that were applied."""

    def nothing(window: Any) -> bytes:
        return b""

    patch.setattr(_lane, "encode_window", nothing)


def no_restore(patch: pytest.MonkeyPatch) -> None:
    """A new owner delivers without having read the state."""
    take_over = _takeover.take_over

    async def hasty(port: Any, shard: Any, *others: Any) -> Any:
        position = await take_over(port, shard, *others)
        shard.truths.restored({})
        return position

    patch.setattr(_core, "take_over", hasty)


def finished_before_the_state_is_acknowledged(patch: pytest.MonkeyPatch) -> None:
    """Records count as finished, and replies leave, while their states are still being written."""

    async def flush(self: Any) -> None:
        async with self._turn:
            works = [work for shard in self._shards() if (work := shard.take()) is not None]
            if works:
                await self._write_outputs(works)
                self._settle(works)
                await self._write_states(works)

    patch.setattr(_flusher.Flusher, "flush", flush)


def states_before_outputs(patch: pytest.MonkeyPatch) -> None:
    """A message counts as applied before what its handler sent has left."""

    async def flush(self: Any) -> None:
        async with self._turn:
            works = [work for shard in self._shards() if (work := shard.take()) is not None]
            if works:
                await self._write_states(works)
                await self._write_outputs(works)
                self._settle(works)

    patch.setattr(_flusher.Flusher, "flush", flush)


def ids_are_new_each_time(patch: pytest.MonkeyPatch) -> None:
    """What a handler sends has another id when the handler runs again."""
    made = 0

    def next_id(self: Any) -> str:
        nonlocal made
        made += 1
        return str(MessageId.derived(f"fresh-{made}", 0, 0))

    patch.setattr(_turn.Turn, "next_id", next_id)


def always_warm(patch: pytest.MonkeyPatch) -> None:
    """A partition that ever comes back goes on with what was in memory then."""

    async def unchanged(port: Any, shard: Any, former: Any) -> bool:
        return True

    assigned, revoked = _core.DeliveryCore.assigned, _core.DeliveryCore.revoked

    def take(self: Any, partitions: Any) -> None:
        kept = dict(self._former)
        assigned(self, partitions)
        self._former.update(kept)

    async def give(self: Any, partitions: Any) -> None:
        kept = dict(self._former)
        await revoked(self, partitions)
        self._former = {**kept, **self._former}

    patch.setattr(_core, "is_unchanged", unchanged)
    patch.setattr(_core.DeliveryCore, "assigned", take)
    patch.setattr(_core.DeliveryCore, "revoked", give)


def parking_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """The state record does not say that the entity is in quarantine."""

    def record(to: Any, key: bytes, state: Any) -> Any:
        return _state.state_record(to, key, state._replace(parked=False))

    patch.setattr(_work, "state_record", record)


def no_seek(patch: pytest.MonkeyPatch) -> None:
    """A partition that has become ready goes on where the client happens to be."""
    open_ = _core.DeliveryCore._open

    async def careless(self: Any, shard: Any, former: Any) -> None:
        port, self._port = self._port, _Unseeking(self._port)
        try:
            await open_(self, shard, former)
        finally:
            self._port = port

    patch.setattr(_core.DeliveryCore, "_open", careless)


def a_transaction_is_repeated_blindly(patch: pytest.MonkeyPatch) -> None:
    """After a lost answer, what was written is written again, whoever has gone on from there.

    Seeds hit it too seldom; `test_lost_answers` does always.
    """

    async def blindly(self: Any, shard: Any, position: Any) -> bool:
        await self._port.fence(shard.partition)
        return bool(await self._port.committed(shard.partition) == position)

    patch.setattr(_flusher.Flusher, "_was_taken", blindly)


class _Unseeking:
    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def seek(self, partition: Any, offset: int) -> None:
        """Do not."""


PLANTED: dict[str, tuple[str, Plant]] = {
    "commit early": ("bank", commit_early),
    "the last state wins": ("bank", the_last_state_wins),
    "no dedup": ("bank", no_dedup),
    "the window is not kept": ("bank", the_window_is_not_kept),
    "no restore": ("bank", no_restore),
    "finished before the state is acknowledged": (
        "bank",
        finished_before_the_state_is_acknowledged,
    ),
    "states before outputs": ("bank", states_before_outputs),
    "ids are new each time": ("bank", ids_are_new_each_time),
    "always warm": ("bank", always_warm),
    "parking is forgotten": ("poison", parking_is_forgotten),
    "no seek": ("chat", no_seek),
    "functions have new ids each time": ("orders", ids_are_new_each_time),
    **PLANTED_IN_CONSUMERS,
}
"""By name: the scenario that is to find it, and how it is planted."""

__all__ = ["FOUND_FROM", "PLANTED", "Plant"]
