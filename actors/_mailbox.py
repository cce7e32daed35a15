"""Mailboxes with a bound, and what happens at it."""

import asyncio
import heapq
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

# Message to rank; the lowest rank is handled first.
Priority: TypeAlias = Callable[[Any], float]
Overflow: TypeAlias = Literal["wait", "fail", "drop_newest", "drop_oldest"]

# The message, the ref of its sender, and where the answer to an ask goes.
Envelope: TypeAlias = tuple[Any, Any, "asyncio.Future[Any] | None"]


class Internal:
    """Mail of the core's own, such as a timer's: never a dead letter."""

    __slots__ = ()

    def dropped(self, cell: Any) -> None:
        """It was dropped to make room in the mailbox of `cell`."""
        raise NotImplementedError

    def rank(self, priority: "Priority") -> float:
        """Return where it stands in a mailbox with a priority."""
        raise NotImplementedError


NOTHING: Envelope = (None, None, None)


def pack(message: Any, sender: Any, reply: "asyncio.Future[Any] | None") -> Any:
    """Return what is put into a mailbox: the bare message if there is nothing else to say.

    Most mail is that, and a third faster without an envelope. A plain tuple in a mailbox is always
    an envelope; a message that is one gets an envelope of its own.
    """
    if sender is None and reply is None and type(message) is not tuple:
        return message
    return (message, sender, reply)


def unpack(item: Any) -> Envelope:
    """Return the envelope of what `pack` made."""
    return item if type(item) is tuple else (item, None, None)


@dataclass(frozen=True, slots=True)
class MailboxOptions:
    """How many messages an actor's mailbox holds, and what happens to one more.

    | overflow | `tell` | `send` | `ask` |
    |---|---|---|---|
    | `wait` | dead letter | waits for room | waits, within its timeout |
    | `fail` | raises MailboxFull | raises MailboxFull | raises MailboxFull |
    | `drop_newest` | dead letter | raises MailboxFull | raises MailboxFull |
    | `drop_oldest` | the oldest becomes a dead letter | the same | the same |

    The asker of a message that was dropped gets MailboxFull. A watched actor's Terminated, like
    every signal of the system, has a lane of its own and is never refused.

    With a `priority`, the message of the lowest rank is handled first, and those of equal rank in
    the order they came; `drop_oldest` then drops the one that would be handled next. The function
    is called once for each message, in the sender's turn: let it be quick, and let it raise
    nothing.

    ```python
    system.spawn(Desk, mailbox=MailboxOptions(1000, priority=lambda message: message.urgency))
    ```

    Args:
        capacity: messages that may wait; None for no bound.
        overflow: what happens when it is reached.
        priority: a message's rank; None for the order of arrival.
    """

    capacity: int | None = None
    overflow: Overflow = "wait"
    priority: Priority | None = None

    def __post_init__(self) -> None:
        if self.capacity is not None and self.capacity < 1:
            raise ValueError(
                f"a mailbox of capacity {self.capacity} could never take a message: give 1 or "
                "more, or "
                "None for no bound"
            )
        if self.priority is not None and not callable(self.priority):
            raise TypeError(
                f"priority is {self.priority!r}; give a function from a message to its rank, as in "
                "priority=lambda message: message.urgency"
            )
        if self.overflow not in ("wait", "fail", "drop_newest", "drop_oldest"):
            raise ValueError(
                f"{self.overflow!r} is no overflow policy: write one of wait, fail, drop_newest, "
                "drop_oldest"
            )


@dataclass(frozen=True, slots=True)
class MailboxStatistics:
    """A mailbox at one moment.

    Attributes:
        waiting: messages in it.
        capacity: how many it may hold; None for no bound.
        senders: `send`s and `ask`s that wait for room.
        dropped: messages it dropped or refused since the actor was spawned.
    """

    waiting: int
    capacity: int | None
    senders: int
    dropped: int


class PriorityMail:
    """As much of a deque as a mailbox needs, in the order of rank, then of arrival."""

    __slots__ = ("_before", "_heap", "_number", "_rank")

    def __init__(self, rank: Priority) -> None:
        self._rank = rank
        self._heap: list[tuple[float, int, Any]] = []
        self._number = 0
        self._before = 0

    def append(self, item: Any) -> None:
        """Put an item behind those of its rank."""
        message = unpack(item)[0]
        rank = message.rank(self._rank) if isinstance(message, Internal) else self._rank(message)
        if not isinstance(rank, int | float):  # pyright: ignore[reportUnnecessaryIsInstance] - user code
            raise TypeError(
                f"priority ranked {type(message).__name__} as {rank!r}; a rank is a number"
            )
        self._number += 1
        heapq.heappush(self._heap, (rank, self._number, item))

    def extendleft(self, items: Iterable[Any]) -> None:
        """Put each item before all that are there, whatever their rank, like a deque's."""
        for item in items:
            self._before -= 1
            heapq.heappush(self._heap, (float("-inf"), self._before, item))

    def popleft(self) -> Any:
        """Take the item of the lowest rank that came first."""
        return heapq.heappop(self._heap)[2]

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[Any]:
        return (item for _, _, item in sorted(self._heap, key=lambda entry: entry[:2]))


Mail: TypeAlias = deque[Any] | PriorityMail


class Bounds:
    """What is special about one mailbox: its limit, those who wait at it, its order.

    Decides; the cell acts.
    """

    __slots__ = ("bounded", "capacity", "dropped", "overflow", "priority", "waiters")

    def __init__(self, options: MailboxOptions) -> None:
        self.bounded = options.capacity is not None
        self.capacity = options.capacity or sys.maxsize
        self.overflow = options.overflow
        self.priority = options.priority
        self.dropped = 0
        self.waiters: deque[tuple[Envelope, asyncio.Future[None] | None]] = deque()

    def make_mail(self) -> Mail:
        """Return an empty mailbox."""
        return deque() if self.priority is None else PriorityMail(self.priority)

    def offer(self, mail: Mail, envelope: Envelope) -> Envelope | None:
        """Put `envelope` into `mail` if there is room or room is made.

        Returns:
            The envelope that found no place: None, the one offered, or the oldest.
        """
        if len(mail) < self.capacity:
            mail.append(envelope)
            return None
        if self.overflow == "drop_oldest":
            oldest = unpack(mail.popleft())
            mail.append(envelope)
            self.dropped += 1
            return oldest
        return envelope

    def refill(self, mail: Mail) -> None:
        """Let those who waited longest in, as far as there is room.

        The one who takes a message out does this, not the waiter when it wakes: else a later `tell`
        of the same sender could take the place and overtake.
        """
        waiters = self.waiters
        while waiters and len(mail) < self.capacity:
            envelope, accepted = waiters.popleft()
            reply = envelope[2]
            if accepted is not None and accepted.done():
                continue  # cancelled meanwhile
            if reply is not None and reply.done():  # its asker has given up
                if accepted is not None:
                    accepted.set_result(None)
                continue
            try:
                mail.append(envelope)
            except Exception as error:  # noqa: BLE001 - the priority function's, for the sender
                waiting = reply if accepted is None else accepted
                if waiting is not None:
                    waiting.set_exception(error)
                continue
            if accepted is not None:
                accepted.set_result(None)
