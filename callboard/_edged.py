"""What a system declares at its edges: consumers, bridges, outlets, publishers, outboxes."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .actors import ActorSystem, Entity, MessagePolicy, NotRunning, SchemaError
from .supervision import Backoff, OneForOne, RetryPolicy

if TYPE_CHECKING:
    from .transport import Edges, KafkaTransport, Publisher, PublisherPort
    from .transport.bridges import BridgeOptions, Destination, Source
    from .transport.consumers import ConsumerOptions, Key
    from .transport.outbox import Outbox
    from .transport.outlets import Outlet, Reply

F = TypeVar("F", bound=Callable[..., Any])
M = TypeVar("M")
R = TypeVar("R")
OutboxT = TypeVar("OutboxT", bound="Outbox")

# A legacy broker may be away for a weekend: its bridge tries again, ever less often.
_AWAY = Backoff(0.5, 30.0, jitter=0.3)
_PATIENT = OneForOne(max_restarts=1_000_000, within=60.0, backoff=_AWAY)


class EdgedSystem(ActorSystem):
    """The verbs that declare edges. What runs them is the transport."""

    _declared_edges: "Edges | None" = None
    _begun: bool = False

    @property
    def edges(self) -> "Edges":
        """What was declared so far: consumers, bridges, outlets, publishers and outboxes."""
        return self._edges()

    def consumer(
        self,
        topic: str,
        *,
        to: type[Entity] | None = None,
        key: "Key" = None,
        name: str | None = None,
        group: str | None = None,
        retry: MessagePolicy | None = None,
        concurrency: int | None = None,
        timeout: float | None = None,
        batch_size: int | None = None,
        at_most_once: bool | None = None,
        adapter: Callable[..., Any] | None = None,
        on_failure: Callable[..., Any] | None = None,
        options: "ConsumerOptions | None" = None,
    ) -> Callable[[F], F]:
        """Feed a function, or entities, with the messages of a topic.

        ```python
        @system.consumer("orders.placed")
        async def on_order(message: OrderPlaced, context: ConsumerContext) -> None: ...

        @system.consumer("orders.placed", to=Order, key="order_id")
        def command(message: OrderPlaced) -> Place | None: ...      # None drops the event

        system.consumer("orders.shipped", to=Order, key="order_id")  # as they are
        ```

        The decorator registers the function and returns it as it is, to be called in a unit test.
        What it takes is said by the annotation of its first parameter: a protobuf class, several
        with `|`, a pydantic model (read from JSON), `bytes`, or a `list[...]` of these for batches.
        `| None` takes records without a value. A second parameter gets a `ConsumerContext`.

        Each message is handled at least once: its position is committed when it was handled, and
        what the function sent is acknowledged. Messages of one key are handled one after the other
        in their order, those of different keys side by side. When the function raises, the
        message's key waits while `retry` decides; at its ceiling the message goes to quarantine,
        and later ones of its key follow it there. The function may decide itself by raising
        `Skip`, `Retry` or `Quarantine`.

        With `to=`, what the function returns is sent to the entity that `key` names, with an id
        that is made of the record's place; so it is applied once, however often the record comes.
        A function that says `-> None` only looks on: the entity gets what the function was given.

        Not promised: that a function with effects outside callboard has them once; that order
        holds between messages whose `key` is the same and whose partition is not.

        Args:
            topic: where from; made if it is missing.
            to: the kind of entities the messages are for; None for the function alone.
            key: which entity, or whose order: a field's name or a function of the message. With
                `to=`, of the command; a field that it has not is looked for in the event. None for
                the record's key.
            name: its name within the system; the function's when left out.
            group: the consumer group; `{system}.{name}` when left out.
            retry: decides about messages the function fails on.
            concurrency: calls of an async function that may be under way.
            timeout: seconds that one of them may take.
            batch_size: most messages of a batch.
            at_most_once: commit before handling, and never repeat.
            adapter: makes of the topic's event what the function takes.
            on_failure: called when a message is given up.
            options: all that can be said about how, as a frozen value; what is said beside it
                goes before.

        Raises:
            HandlerError: function, annotations and options do not fit together.
            ValueError: another consumer of the system has the name, or the topic and the group.
        """
        # Loaded when used, as in `_edges`.
        from .transport.consumers import ConsumerOptions as Options  # noqa: PLC0415 - see above

        said = {
            "name": name,
            "group": group,
            "retry": retry,
            "concurrency": concurrency,
            "timeout": timeout,
            "batch_size": batch_size,
            "at_most_once": at_most_once,
            "adapter": adapter,
            "on_failure": on_failure,
        }
        given: dict[str, Any] = {field: value for field, value in said.items() if value is not None}
        how = replace(options or Options(), **given)
        edges = self._edges()
        # What goes on as it is needs no function, so this may be a statement, and no decorator.
        passing = None if to is None else edges.consumer(topic, None, to=to, key=key, options=how)

        def register(function: F) -> F:
            edges.consumer(topic, function, to=to, key=key, options=how, instead_of=passing)
            return function

        return register

    def bridge(
        self,
        source: "Source",
        *,
        to: type[Entity] | None = None,
        key: "Key" = None,
        name: str | None = None,
        retry: MessagePolicy | None = None,
        reply: "Reply | None" = None,
        options: "BridgeOptions | None" = None,
        handling: "ConsumerOptions | None" = None,
    ) -> Callable[[F], F]:
        """Bring the messages of a legacy queue to entities, or to a function.

        ```python
        @system.bridge(RabbitMQ("amqp://...", queue="departures"), to=Aircraft, key="tailnum")
        def departure(payload: bytes, headers: dict[str, str]) -> Departed | None: ...
        ```

        The decorated function is the event adapter: it makes a command of what came, or returns
        None to drop it; it is pure, and returned as it is, to be called in a unit test. Its first
        parameter's annotation says how the body is decoded: `bytes`, a pydantic model (JSON), or a
        protobuf class. Without `to=` it is called for each message, as a consumer's function is.

        Order of events: a message is taken from the queue; the adapter makes a command of it, which
        is written into the entity's mailbox, with the message's id in the topic
        `{system}.{name}.intake`; it is acknowledged to the queue when the log has both. A message
        on which the adapter fails is written as it is into that topic, as is every message of an
        async function, or without `to=`; a consumer takes it from there, with retries and
        quarantine. So nothing is lost whatever dies when, and what the queue gives again is known
        by its id and written once. One node of the system runs it, as a supervised child that
        connects again with backoff; another takes over when that is gone.

        With `reply=`, a message that names a queue to be answered in (`reply-to`) gets what the
        entity, or the function, answers, with its correlation id; or an error.

        Not promised: that a message without an id is written once; that a question is answered
        when a node dies just then. See `docs/bridges.md`.

        Args:
            source: the queue: `RabbitMQ(...)`, `ActiveMQ(...)` or `RedisStreams(...)`.
            to: the kind of entities the messages are for; None for the function alone.
            key: which entity, or whose order: a field's name or a function of the command.
            name: its name within the system; the function's, or the queue's, when left out.
            retry: decides about messages that fail; as for consumers.
            reply: how answers are written: `"json"`, `"protobuf"`, or a function of the answer that
                returns bytes, text, a pydantic model or a protobuf message. None: nobody answers.
            options: how it takes from the queue: a `BridgeOptions`.
            handling: how what came is handled: a `ConsumerOptions`.

        Raises:
            HandlerError: function, annotations and options do not fit together.
            ValueError: a consumer or another bridge of the system has the name.
        """
        # Loaded when used, as in `_edges`.
        from .transport.bridges import BridgeOptions as Options  # noqa: PLC0415 - see above
        from .transport.consumers import ConsumerOptions as Handling  # noqa: PLC0415 - see above

        said = {"name": name, "retry": retry}
        given: dict[str, Any] = {field: value for field, value in said.items() if value is not None}
        edges = self._edges()
        declare = partial(
            edges.bridge,
            source,
            to=to,
            key=key,
            options=options or Options(),
            handling=replace(handling or Handling(), **given),
            supervision=_PATIENT,
            reply=reply,
        )
        passing = None if to is None else declare(None)

        def register(function: F) -> F:
            declare(function, instead_of=passing)
            return function

        return register

    @overload
    def outlet(
        self,
        destination: "Destination",
        message_type: type[M],
        *,
        key: "Key" = None,
        name: str | None = None,
    ) -> "Outlet[M, None]": ...
    @overload
    def outlet(
        self,
        destination: "Destination",
        message_type: type[M],
        *,
        reply: type[R],
        key: "Key" = None,
        name: str | None = None,
    ) -> "Outlet[M, R]": ...
    def outlet(
        self,
        destination: "Destination",
        message_type: type[M],
        *,
        reply: type[Any] | None = None,
        key: "Key" = None,
        name: str | None = None,
    ) -> "Outlet[M, Any]":
        """Return what writes messages of a type into a legacy queue, or asks whoever serves it.

        ```python
        arrivals = system.outlet(RabbitMQ("amqp://...", queue="arrivals"), Arrived)
        prices = system.outlet(ActiveMQ("stomp://...", queue="prices"), Question, reply=Price)

        await arrivals.send(Arrived(tail="N1"))                      # returns when the log has it
        price = await prices.ask(Question(seat="1A"), timeout=2.0)
        ```

        Messages go through a topic of the outlet's own, `{system}.{name}.outlet`, and wait there
        while the legacy broker is away. One node carries them over, each at least once, in the
        topic's order; each has an id by which a second one is known.

        Args:
            destination: the queue: `RabbitMQ(...)`, `ActiveMQ(...)` or `RedisStreams(...)`.
            message_type: a protobuf class, a pydantic model (written as JSON), or `bytes`.
            reply: what an answer is: one of these as well; None if nobody answers.
            key: whose order a message that cannot be written holds up: a field's name or a
                function of the message; None for nobody's.
            name: its name within the system; the queue's when left out.

        Raises:
            SchemaError: nothing writes messages, or reads answers, of that type.
            ValueError: a consumer or another outlet has the name.
        """
        return self._edges().outlet(destination, message_type, reply=reply, key=key, name=name)

    def publisher(
        self, topic: str, message_type: type[M], *, key: "Key" = None, partitions: int = 8
    ) -> "Publisher[M]":
        """Return what writes messages of a type to a topic: `tell`, `send` and `send_all`.

        Of a topic there is one publisher; asking again returns the same.

        Args:
            topic: where to; made if it is missing.
            message_type: a protobuf class, a pydantic model (written as JSON), or `bytes`.
            key: the record's key: a field's name or a function of the message; None for none,
                unless a call gives one.
            partitions: of the topic, if it is made here.

        Raises:
            SchemaError: nothing writes messages of that type.
            ValueError: the topic has a publisher of another type, or is no name of a topic.
        """
        return self._edges().publisher(topic, message_type, key=key, partitions=partitions)

    def relay(self, outbox: OutboxT) -> OutboxT:
        """Write what an outbox holds to its topics, as long as this system runs; return it.

        ```python
        outbox = system.relay(SqliteOutbox("shop.db"))
        ```

        Several systems may relay one outbox: one of them works, and another goes on when it is
        gone. What goes wrong is logged and tried again, for as long as it takes.
        """
        self._edges().relay(outbox)
        return outbox

    def _edges(self) -> "Edges":
        # Here, and not above: a system without entities or edges loads neither aiokafka nor
        # protobuf.
        from .transport import Edges  # noqa: PLC0415 - see above

        if self._declared_edges is None:
            self._declared_edges = Edges(
                self.name,
                self._publishing,
                self._edges_changed,
                self.entities or (),
                RetryPolicy(1_000_000, _AWAY, quarantine=(SchemaError,)),
            )
        return self._declared_edges

    def _publishing(self) -> "PublisherPort":
        if not self.running:
            raise NotRunning(self._not_running("publish"))
        return self._running_transport().publishing

    def _edges_changed(self) -> None:
        if self._begun:
            self._running_transport().consume_soon()

    def _running_transport(self) -> "KafkaTransport":
        raise NotImplementedError
