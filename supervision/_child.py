"""`child(...)`: one line of a supervision tree."""

from typing import Any

from ..actors import Actor, ChildSpec, MailboxOptions, RestartKind


def child(
    actor: type[Actor],
    *args: Any,
    name: str | None = None,
    restart: RestartKind = "permanent",
    shutdown: float | None = None,
    mailbox: MailboxOptions | None = None,
    **kwargs: Any,
) -> ChildSpec:
    """Say how a supervisor makes one child, and what it does when the child ends.

    ```python
    child(Worker, 1, name="w1", restart="permanent")
    ```

    | restart | crashed | killed, or linked to a dead one | stopped by itself |
    |---|---|---|---|
    | `permanent` | strategy | restarted | restarted |
    | `transient` | strategy | restarted | gone |
    | `temporary` | gone | gone | gone |

    A restart by kind counts against the strategy's intensity like one after a crash, and affects
    the siblings that the strategy says. What its supervisor itself stops is gone.

    Args:
        actor: the child's class.
        *args: for its `__init__`, at each start.
        name: its name below the supervisor; made up when left out.
        restart: `permanent`, `transient` or `temporary`.
        shutdown: seconds for stopping, before it is killed; its class's `stop_timeout` when left
            out. The time counts from when its own children are gone.
        mailbox: bound and order of its mailbox.
        **kwargs: for its `__init__`.

    Raises:
        HandlerError: it is no actor class, or a word or number makes no sense.
    """
    return ChildSpec(
        actor=actor,
        args=args,
        kwargs=kwargs,
        name=name,
        restart=restart,
        shutdown=shutdown,
        mailbox=mailbox,
    )
