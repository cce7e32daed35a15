"""The actors that do nothing but supervise."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ..actors import (
    Actor,
    ActorRef,
    CallboardError,
    ChildSpec,
    SupervisionStrategy,
    check_specs,
    check_strategy,
    handler,
)
from ._children import Children, StartChild, StartInstance, StopChild, TooManyChildren


class _Supervising(Actor):
    """What all supervisors answer to."""

    def __init__(self, strategy: SupervisionStrategy | None) -> None:
        if strategy is not None:
            self.supervision = check_strategy(strategy)

    @handler
    def stop_child(self, message: StopChild) -> bool:
        """Stop a child for good."""
        for ref in self.context.children:
            if ref.path.name == message.name:
                self.context.stop(ref)
                return True
        return False

    @handler
    def tell_children(self, message: Children) -> Sequence[ActorRef[Any]]:
        """Say who is there."""
        del message
        return tuple(self.context.children)

    def _start(self, spec: ChildSpec) -> ActorRef[Any] | None:
        """Start a child; a name that is taken is the asker's failure, not this actor's."""
        try:
            return self.context.spawn(spec)
        except (CallboardError, ValueError) as error:
            self._refuse(spec, error)
            return None

    def _refuse(self, spec: ChildSpec, error: Exception) -> None:
        reply = self.context.defer_reply()
        if reply.wanted:
            reply.fail(error)
        else:
            self.context.log.warning(
                "child not started", child=spec.actor.__name__, error=str(error)
            )


class Supervisor(_Supervising):
    """Starts the children it was given, in order, and keeps them running.

    ```python
    system.spawn(
        Supervisor,
        child(Connection, url, name="connection"),
        child(Session, name="session"),
        child(Worker, 1, name="w1", restart="transient"),
        strategy=RestForOne(max_restarts=3, within=5.0),
        name="shop",
    )
    ```

    or as a class, which reads the same and can be a child of another:

    ```python
    class Shop(Supervisor):
        children = (child(Connection, url, name="connection"), child(Session, name="session"))
        supervision = RestForOne()
    ```

    Order of events: the children are made and started one after another, each when the one before
    it runs; a child that fails to start is retried as the strategy says, and those after it wait. A
    supervisor that is a child itself runs, for its own siblings, when its children do. At its end
    the children are stopped, the newest first.

    It can be asked `Children()`, which answers with their refs, `StartChild(spec)`, with the ref of
    one child more, and `StopChild(name)`, with whether there was one.

    Args:
        *children: child specs, or lists of them.
        strategy: what to do when one fails; the class's `supervision` when left out.

    Raises:
        HandlerError: what was given is no child spec.
    """

    children: ClassVar[tuple[ChildSpec, ...]] = ()

    def __init__(
        self,
        *children: ChildSpec | Iterable[ChildSpec],
        strategy: SupervisionStrategy | None = None,
    ) -> None:
        super().__init__(strategy)
        self._specs = (*type(self).children, *check_specs(children))

    @classmethod
    def declared(cls, args: tuple[Any, ...]) -> tuple[ChildSpec, ...]:
        """Return the children of a supervisor that would be made with these arguments."""
        return (*cls.children, *check_specs(args))

    async def started(self) -> None:
        """Start the children."""
        self.context.start(*self._specs)

    @handler
    def start_child(self, message: StartChild) -> ActorRef[Any] | None:
        """Start one child more."""
        return self._start(message.spec)


class DynamicSupervisor(_Supervising):
    """Supervises many children of one spec, started when asked for.

    ```python
    sessions = system.spawn(DynamicSupervisor, child(Session, restart="temporary"), name="sessions")
    session = await sessions.ask(StartInstance("alice", name="alice"), timeout=1.0)
    ```

    `StartInstance(*args)` makes a child with the template's arguments and these behind them. Ask
    also `Children()` and `StopChild(name)`. A restart of the supervisor itself begins with none.

    Args:
        template: what each child is.
        strategy: what to do when one fails.
        max_children: how many may live at once; None for any number.

    Raises:
        HandlerError: what was given is no child spec.
    """

    def __init__(
        self,
        template: ChildSpec,
        *,
        strategy: SupervisionStrategy | None = None,
        max_children: int | None = None,
    ) -> None:
        super().__init__(strategy)
        (self._template,) = check_specs((template,))
        self._max_children = max_children

    @handler
    def start_instance(self, message: StartInstance) -> ActorRef[Any] | None:
        """Start one child of the template."""
        template = self._template
        spec = replace(
            template,
            args=(*template.args, *message.args),
            kwargs={**template.kwargs, **message.kwargs},
            name=message.name,
        )
        limit = self._max_children
        if limit is not None and len(self.context.children) >= limit:
            self._refuse(spec, TooManyChildren(str(self.context.path), limit))
            return None
        return self._start(spec)
