"""Seeded order: which of those that may go next does."""

import asyncio
import random
from collections import deque
from collections.abc import Iterable, MutableSequence
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

T = TypeVar("T")


class Ages:
    """Numbers tasks in the order they were made: their names and addresses differ between runs."""

    def __init__(self) -> None:
        self._numbers: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._made = 0

    def of(self, task: "asyncio.Task[Any]") -> int:
        """Return a task's number; it gets one when it is first asked about."""
        number = self._numbers.get(task)
        if number is None:
            number = self._numbers[task] = self._made
            self._made += 1
        return number


class Turns:
    """Puts the callbacks of one iteration of a loop into a seeded order.

    Permuted are the turns of tasks (their first step or a wake-up) that stand directly behind one
    another, and timers that are due at the same moment. Every other callback keeps its place: who
    calls `call_soon` may rely on its order, and on what was called before it having run. No such
    promise is made for tasks: which of two that can go on does so first is the loop's affair.

    Before they are shuffled, tasks are sorted by age. The order in which they woke up may come from
    a set, as in `asyncio.TaskGroup`, and thus from addresses in memory.
    """

    def __init__(self, seed: int, ages: Ages) -> None:
        self._random = random.Random(seed)
        self._ages = ages

    def arrange(self, ready: MutableSequence[asyncio.Handle]) -> None:
        """Rearrange the callbacks that are about to run."""
        ordered: list[asyncio.Handle] = []
        turns: list[tuple[int, asyncio.Handle]] = []
        for handle in ready:
            task = task_of(handle)
            if task is None:
                ordered += self._shuffled(turns)
                turns = []
                ordered.append(handle)
            else:
                turns.append((self._ages.of(task), handle))
        ordered += self._shuffled(turns)
        for place, handle in enumerate(ordered):
            ready[place] = handle

    def shuffle_equal(self, due: list[asyncio.TimerHandle]) -> None:
        """Shuffle timers, sorted by their deadlines, among those that have the same."""
        begin = 0
        while begin < len(due):
            end = begin + 1
            while end < len(due) and due[end].when() == due[begin].when():
                end += 1
            part = due[begin:end]
            if len(part) > 1:
                self._random.shuffle(part)
                due[begin:end] = part
            begin = end

    def _shuffled(self, turns: list[tuple[int, asyncio.Handle]]) -> list[asyncio.Handle]:
        if len(turns) > 1:
            turns.sort(key=lambda each: each[0])
            self._random.shuffle(turns)
        return [handle for _, handle in turns]


def task_of(handle: asyncio.Handle) -> "asyncio.Task[Any] | None":
    """Return the task whose turn this callback is; None for any other callback."""
    # There is no public way to tell; asyncio's own debug output looks at the same two.
    callback = cast("Any", handle)._callback  # noqa: SLF001 - see above
    owner = getattr(callback, "__self__", None)
    if not isinstance(owner, asyncio.Task):
        return None
    # `call_soon(task.cancel)` is somebody's callback; steps and wake-ups have no public name.
    return None if hasattr(asyncio.Task, getattr(callback, "__name__", "")) else owner


class ShuffledQueue(deque[T]):
    """A dispatcher's queue in which newcomers get a random place, not the last one.

    Legal, for nobody is promised that the turns of two actors follow the order of their mail. Each
    place is as likely as the next, so everybody has a turn in the end.
    """

    def __init__(self, order: random.Random, items: Iterable[T] = ()) -> None:
        super().__init__(items)
        self._order = order

    def append(self, item: T, /) -> None:
        """Insert an item at a random place."""
        self.insert(self._order.randint(0, len(self)), item)
