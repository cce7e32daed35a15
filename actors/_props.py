"""What an actor is made of, each time it is made, and how its supervisor treats it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, cast

from ._actor import Actor
from ._errors import HandlerError
from ._mailbox import MailboxOptions

# When a child that ended is started again: always, unless it stopped in good order, or never.
RestartKind: TypeAlias = Literal["permanent", "transient", "temporary"]

RESTART_KINDS: tuple[RestartKind, ...] = ("permanent", "transient", "temporary")

NO_KEYWORDS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to make one child of a supervisor, and what to do when it ends; `child` writes it.

    Args:
        actor: its class.
        args: for its `__init__`, at each start.
        kwargs: for its `__init__`, at each start.
        name: its name below the supervisor; made up when None.
        restart: `permanent`: whenever it ended; `transient`: unless it stopped by itself;
            `temporary`: never.
        shutdown: seconds it has for stopping before it is killed; None for its class's
            `stop_timeout`.
        mailbox: the bound and order of its mailbox.

    Raises:
        HandlerError: a part of it makes no sense; the sentence says which.
    """

    actor: type[Actor]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=lambda: NO_KEYWORDS)
    name: str | None = None
    restart: RestartKind = "permanent"
    shutdown: float | None = None
    mailbox: MailboxOptions | None = None

    def __post_init__(self) -> None:
        check_actor(self.actor, 'child(Worker, 1, name="w1")')
        if self.restart not in RESTART_KINDS:
            raise HandlerError(
                f"child({self.actor.__name__}, restart={self.restart!r}): write one of "
                f"{', '.join(RESTART_KINDS)}"
            )
        if self.shutdown is not None and not self.shutdown >= 0.0:
            raise HandlerError(
                f"child({self.actor.__name__}, shutdown={self.shutdown!r}): it is a time in "
                "seconds, 0 to kill at once, None for the class's stop_timeout"
            )


def check_actor(actor: object, example: str) -> None:
    """Refuse what is no actor class.

    Raises:
        HandlerError: with the line to write.
    """
    if isinstance(actor, type) and issubclass(actor, Actor):
        return
    hint = ""
    if isinstance(actor, Actor):
        hint = " It is made by the system, so give the class and its arguments apart."
    elif callable(actor) and not isinstance(actor, type):
        hint = " Mark a function with @actor first."
    raise HandlerError(
        f"{actor!r} cannot be spawned: give a subclass of Actor, then the arguments of its "
        f"instance, as in {example}.{hint}"
    )


def check_specs(specs: Iterable[object]) -> tuple[ChildSpec, ...]:
    """Return child specs given one by one or in lists, as one row.

    Raises:
        HandlerError: something is none.
    """
    found: list[ChildSpec] = []
    for one in specs:
        if isinstance(one, ChildSpec):
            found.append(one)
        elif isinstance(one, list | tuple):
            found.extend(check_specs(cast("Iterable[object]", one)))
        else:
            raise HandlerError(
                f'{one!r} is no child of a supervisor; write child(Worker, 1, name="w1")'
            )
    return tuple(found)
