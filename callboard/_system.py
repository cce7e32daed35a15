"""The composition root: the actor core with supervision and a transport."""

import os
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from ._edged import EdgedSystem
from ._logging import configure_if_nobody_has
from .actors import (
    Accepts,
    Actor,
    ActorRef,
    MessagePolicy,
    NotRunning,
    SupervisionStrategy,
    Transport,
    check_actor,
    check_name,
)
from .actors import ActorSystem as CoreSystem
from .supervision import OneForOne, RetryPolicy

if TYPE_CHECKING:
    from .transport import KafkaTransport

M = TypeVar("M")

_DEFAULT_TRANSPORT = "memory://"
_VARIABLE = "CALLBOARD_TRANSPORT"


class ActorSystem(EdgedSystem):
    __doc__ = CoreSystem.__doc__

    _supervision: SupervisionStrategy = OneForOne()
    _policy: MessagePolicy = RetryPolicy()
    _kafka: "KafkaTransport | None" = None

    async def __aenter__(self) -> Self:
        configure_if_nobody_has()
        return await super().__aenter__()

    def default_supervision(self) -> SupervisionStrategy | None:
        """Return the strategy of top-level actors and of supervisors that name none.

        It is `OneForOne()`: restart with backoff, at most 3 times in 5 seconds, then escalate.
        """
        return self._supervision

    async def _begin(self) -> None:
        self._begun = True
        if self._declared_edges is not None:
            await self._running_transport().consume()

    async def _end(self) -> None:
        self._begun = False
        if self._kafka is not None:
            await self._kafka.leave()

    # --- other nodes ------------------------------------------------------------------------------

    @overload
    def singleton(
        self, actor: type[Accepts[M]], *args: Any, name: str, **kwargs: Any
    ) -> ActorRef[M]: ...
    @overload
    def singleton(
        self, actor: type[Actor], *args: Any, name: str, **kwargs: Any
    ) -> ActorRef[Any]: ...
    def singleton(self, actor: Any, *args: Any, name: str, **kwargs: Any) -> ActorRef[Any]:
        """Have one actor in all nodes together, run by one of those that declare it.

        ```python
        clock = system.singleton(Clock, 60.0, name="clock")    # the same line on every node
        await clock.ask(Now(), timeout=5.0)
        ```

        When its node stops, or dies, another starts a new one: at once, or when nothing was heard
        of the dead node for the session time-out. Messages that were with the former one are lost
        with it, and its state as well: what must outlast it belongs to an entity, of which there
        is always one. While nobody runs it, up to 1,000 messages wait with whoever sends them.

        It is supervised like any top-level actor. One that stops by itself is started again when
        it moves, and not before.

        Not promised: that the former one has ended when its process was asleep for longer than
        the session time-out; it is stopped when the process wakes, and may have a message in hand.

        Args:
            actor: its class.
            *args: for its `__init__`.
            name: its name, as in `callboard://bank/singletons/clock`; on the node that runs it, it
                is a top-level actor of that name.
            **kwargs: for its `__init__`.

        Raises:
            HandlerError: it is no actor class.
            NotRunning: outside `async with system`.
            ValueError: another class has the name, or it is no name.
        """
        if not self.running:
            raise NotRunning(self._not_running(f"have the singleton {name}"))
        check_actor(actor, 'system.singleton(Clock, name="clock")')
        return self._running_transport().singleton(actor, args, kwargs, check_name(name))

    def nodes(self) -> tuple[str, ...]:
        """Return the names of the nodes that are there, this one included.

        Empty before the transport has started. What changes is told by NodeUp, NodeLeaving and
        NodeDown on `events`.
        """
        return () if self._kafka is None else self._kafka.nodes

    def _joins(self) -> bool:
        return self.is_named and self._url().startswith("kafka:")

    # --- the transport ----------------------------------------------------------------------------

    def _running_transport(self) -> "KafkaTransport":
        if self._transport is None:
            self._transport = self._create_transport()
        assert self._kafka is not None, "_create_transport sets it"
        return self._kafka

    def _create_transport(self) -> Transport:
        # Here, and not above: a system without entities loads neither aiokafka nor protobuf.
        from .transport import create_transport  # noqa: PLC0415 - see above

        hosts = None if self.entities is None else list(self.entities)
        self._kafka = create_transport(
            self,
            self._url(),
            hosts=hosts,
            policy=self._policy,
            options=self.delivery,
            security=self.security,
            edges=self._edges(),
        )
        return self._kafka

    def _url(self) -> str:
        return self.transport_url or os.environ.get(_VARIABLE) or _DEFAULT_TRANSPORT
