"""How one consumer works: a frozen value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ...actors import MessagePolicy
from ._context import ConsumerContext

OnFailure = Callable[[ConsumerContext, BaseException], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerOptions:
    """How a consumer works; all durations in seconds.

    Attributes:
        name: Of the consumer within its system: part of its path and of the topics that keep its
            quarantine. The function's name when None; give one before you rename the function.
        group: The consumer group whose positions are committed; `{system}.{name}` when None.
        retry: What becomes of a message the function fails on; None for the system's default:
            three attempts with backoff, then quarantine.
        concurrency: How many calls of an async function may be under way on a node.
        timeout: How long one call of an async function may take; it is cancelled then, and that is
            a failure as any other.
        adapter: Makes of the topic's event what the function takes; see `compose`.
        on_failure: Called with the context and the exception when a message is given up, before it
            goes to quarantine. It may publish; raising `Skip` drops the message instead.
        unknown: What becomes of messages whose type is not the function's.
        at_most_once: Commit the position before a message is handled. What a crash interrupts is
            not handled again, and nothing is retried.
        start: Where a group begins that has committed nothing yet.
        batch_size: How many messages a function of `list[...]` gets at most.
        max_in_flight: Records of one partition taken in and not finished.
        partitions: Of the topic, if it is missing and made here.
        session_timeout: A node that is silent for as long loses its partitions; None for what the
            transport's URL says.
    """

    name: str | None = None
    group: str | None = None
    retry: MessagePolicy | None = None
    concurrency: int = 100
    timeout: float = 30.0
    adapter: Callable[..., Any] | None = None
    on_failure: OnFailure | None = None
    unknown: Literal["quarantine", "skip"] = "quarantine"
    at_most_once: bool = False
    start: Literal["earliest", "latest"] = "earliest"
    batch_size: int = 500
    max_in_flight: int = 2_000
    partitions: int = 8
    session_timeout: float | None = None

    def __post_init__(self) -> None:
        for name in ("concurrency", "batch_size", "max_in_flight", "partitions"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected 1 or more")
        if not self.timeout > 0:
            raise ValueError(f"timeout is {self.timeout!r}; expected seconds above 0")
        choices = {"unknown": ("quarantine", "skip"), "start": ("earliest", "latest")}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected {allowed}")
