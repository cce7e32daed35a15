"""What really happens in the consumers' functions, seen by none of them."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from .. import ConsumerContext, ConsumerRecord, Skip
from ..actors import System
from ..testing.simulation import Simulation
from ._orders_log import Line, end, is_fatal, lines

Place = tuple[int, int]


class Watch:
    """Looks on when functions are called, and what comes of it.

    A message is handled when a call for it has come to its end, whoever made it. When it is handled
    for the first time, all before it of its key have been; behind one that nobody survives nothing
    is handled at all; and in one process a key has one call at a time.

    Args:
        sim: The simulation.
    """

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._handled: dict[str, set[Place]] = {}
        self._under_way: dict[tuple[str, System, int, bytes | None], int] = {}
        self._known: dict[str, tuple[int, list[Line]]] = {}
        self._wrong: list[str] = []

    def check(self) -> None:
        """Nothing has gone wrong so far."""
        assert not self._wrong, self._wrong[0]

    @contextmanager
    def call(self, who: str, context: ConsumerContext) -> Generator[None]:
        """Be told of a call of a consumer's function."""
        records = context.records
        self._in_order(who, records)
        keys = dict.fromkeys((who, context.system, each.partition, each.key) for each in records)
        for key in keys:
            self._under_way[key] = self._under_way.get(key, 0) + 1
            if self._under_way[key] > 1:
                self._wrong.append(f"{who} has two calls for {key[3]!r} at once in one process")
        try:
            yield
        except Skip:
            self._has_handled(who, records)
            raise
        else:
            self._has_handled(who, records)
        finally:
            for key in keys:
                self._under_way[key] -= 1

    def has_handled(self, who: str, place: Place) -> bool:
        """Tell whether a call for a message has come to its end."""
        return place in self._handled.get(who, ())

    def _has_handled(self, who: str, records: Sequence[ConsumerRecord]) -> None:
        self._handled.setdefault(who, set()).update(
            (each.partition, each.offset) for each in records
        )

    def _in_order(self, who: str, records: Sequence[ConsumerRecord]) -> None:
        together: set[Place] = set()
        for record in records:
            key = (record.key or b"").decode()
            for line in self._lines(record.topic):
                place = line.partition, line.offset
                before = record.partition == line.partition and line.offset < record.offset
                if line.key != key or not before or place in together:
                    continue
                this = f"{record.topic}/{record.partition}/{record.offset}"
                if is_fatal(who, line.message):
                    self._wrong.append(f"{who} gets {this} of {key}, behind {line.place}")
                elif not self.has_handled(who, place):
                    self._wrong.append(f"{who} gets {this} of {key} before {line.place}")
            together.add((record.partition, record.offset))

    def _lines(self, topic: str) -> list[Line]:
        so_far = end(self._sim, topic)
        known = self._known.get(topic)
        if known is None or known[0] != so_far:
            known = self._known[topic] = so_far, lines(self._sim, topic)
        return known[1]
