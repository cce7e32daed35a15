"""One actor, run by hand: no loop, no system, and what it does as data."""

import asyncio
from typing import Any, Generic, TypeVar

from ..actors import Actor, ActorContext, ActorPath, ActorRef, EventStream, Recipient
from ._effects import Unhandled
from ._kit_port import KitPort, KitRef

A = TypeVar("A", bound=Actor)


class ActorKit(Generic[A]):
    """Makes one actor and hands it messages, one call after another; what it does is `effects`.

    ```python
    kit = ActorKit(Greeter, "hi")
    assert kit.run(Hello(name="Ada")) == "hi, Ada"
    assert kit.take() == [Told("callboard://kit/user/journal", Greeted("Ada"))]
    ```

    Order of events: `__init__` and `started` when the kit is made; a handler in each `run`, with
    `unhandled` where there is none. Exceptions are raised to the test. Async handlers run to their
    end as long as they wait for nothing: one that really suspends is an error that says so; such an
    actor is tested in virtual time instead. An `ask` the actor makes is answered with what the test
    put into `answers`. Refs for its arguments come from `kit_ref(name)`, and for messages from
    `kit.ref_of(name)`. Not promised: anything between actors, since there is only one.

    Args:
        actor: the class.
        *args: for its `__init__`.
        name: its name.
        **kwargs: for its `__init__`.

    Attributes:
        actor: the instance.
        effects: what it did so far, in order.
        answers: what its asks are answered with, first to last; an exception is raised.
        now: seconds since the epoch by its clock; set it to let time pass.
        events: the event stream it sees.
    """

    def __init__(self, actor: type[A], *args: Any, name: str = "actor", **kwargs: Any) -> None:
        self.effects: list[object] = []
        self.answers: list[object] = []
        self.now: float = 0.0
        self.events: EventStream = EventStream()
        self.path: ActorPath = ActorPath("kit", ("user", name))
        self._port = KitPort(self, actor.handlers)
        self._port.actor_class = actor
        self.ref: ActorRef[Any] = self._port.self_ref
        for one in (*args, *kwargs.values()):
            if isinstance(one, KitRef):
                one.bind(self)
        self.actor: A = actor(*args, **kwargs)
        self.actor.context = ActorContext(self._port)
        self._finish(self.actor.started())

    def run(self, message: object, *, sender: Recipient[Any] | None = None) -> Any:
        """Hand over a message and return what its handler returns.

        Raises:
            AssertionError: the handler waits for something.
        """
        port = self._port
        port.take(message, sender)
        handle = port.behavior.lookup(type(message))
        with port.acting():
            if handle is not None:
                return port.answered(self._finish(handle(self.actor, message)))
            if type(self.actor).unhandled is not Actor.unhandled:
                return port.answered(self._finish(self.actor.unhandled(message)))
        self.effects.append(Unhandled(message))
        return None

    def stop(self) -> None:
        """Call `stopped`."""
        with self._port.acting():
            self._finish(self.actor.stopped())

    def take(self) -> list[object]:
        """Return the effects so far and begin anew."""
        taken, self.effects = self.effects, []
        return taken

    def ref_of(self, name: str) -> ActorRef[Any]:
        """Return a ref to hand to the actor; what it is told becomes effects."""
        return KitRef(self, ActorPath("kit", ("user", name)))

    def _finish(self, work: Any) -> Any:
        if not asyncio.iscoroutine(work):
            return work
        with self._port.acting():
            try:
                waiting = work.send(None)
            except StopIteration as stop:
                return stop.value
            except RuntimeError as error:
                if "no running event loop" not in str(error):
                    raise
                waiting = "the event loop"
        work.close()
        raise AssertionError(
            f"{type(self.actor).__name__} waits for {waiting}, and a kit has none that turns. Test "
            "it in virtual time: run_virtual, or @pytest.mark.callboard_virtual"
        )
