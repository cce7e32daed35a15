"""The tasks that drain the queue, and how many there are."""

import asyncio
from dataclasses import dataclass

from ._runnable import Runnable
from ._stepping import Suspended


@dataclass(frozen=True, slots=True)
class DispatcherStatistics:
    """A dispatcher at one moment.

    Attributes:
        queued: runnables with mail, waiting for their turn.
        runners: tasks in all.
        idle: runners with nothing to do, kept for the next handler that suspends.
        suspended: runners that wait inside a handler.
    """

    queued: int
    runners: int
    idle: int
    suspended: int


class Runner:
    """One task that drives the queue, waits inside a handler, or is spare."""

    __slots__ = ("begun", "interrupted", "parked", "rest", "task", "waited")

    task: "asyncio.Task[None]"

    def __init__(self) -> None:
        self.begun = False  # its task has been made
        self.interrupted = False  # its cancellation is meant for the handler alone
        self.parked: asyncio.Future[None] | None = None
        self.rest: tuple[Runnable, Suspended] | None = None  # to go on with when it is unparked
        self.waited = False  # it was not driving for a while


# Stands for the task of an asker that drains the queue itself.
BORROWER = Runner()
