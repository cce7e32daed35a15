"""What a program declares at its edges: consumers, bridges, outlets, publishers, outboxes."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..actors import Entity, MessagePolicy, SupervisionStrategy
from ..schemas import TypeRegistry
from .bridges import Bridge, BridgeOptions, Destination, Source, declare_bridge
from .consumers import Consumer, ConsumerOptions, Key, check_topic, declare
from .delivery import DEFAULT_MAX_MESSAGE_BYTES, Codec
from .outbox import Outbox
from .outlets import Caller, Carrier, Outlet, Reply, carry_answers, carry_letters
from .publishers import Publisher, PublisherPort

M = TypeVar("M")
R = TypeVar("R")


class Edges:
    """The consumers, bridges, outlets, publishers and outboxes of one system, running or not.

    Args:
        system: Its name.
        port: Returns the running system as publishers see it.
        changed: Called when something was added.
        kinds: The kinds of entities that the program has named.
        patience: Decides about messages that a legacy broker does not take.
    """

    def __init__(
        self,
        system: str,
        port: Callable[[], PublisherPort],
        changed: Callable[[], None],
        kinds: Sequence[type[Entity]],
        patience: MessagePolicy,
    ) -> None:
        self._system = system
        self._port = port
        self._changed = changed
        self._kinds = {kind.kind() for kind in kinds}
        self.consumers: dict[str, Consumer] = {}
        self.publishers: dict[str, Publisher[Any]] = {}
        self.bridges: dict[str, Bridge] = {}
        self.outlets: dict[str, Outlet[Any, Any]] = {}
        self.outboxes: list[Outbox] = []
        self.connected: list[Carrier | Caller] = []
        """What has connections to legacy brokers, and closes them."""
        self.queue_topics: set[str] = set()
        """Topics between the log and legacy queues."""
        self.carried: set[str] = set()
        """Those of them that lead into the queues."""
        self._patience = patience

    def consumer(
        self,
        topic: str,
        function: Callable[..., Any] | None,
        *,
        to: type[Entity] | None,
        key: Key,
        options: ConsumerOptions,
        instead_of: Consumer | None = None,
    ) -> Consumer:
        """Declare a consumer.

        Args:
            topic: Where from.
            function: What is called.
            to: Whom the messages are for.
            key: Whose they are.
            options: How.
            instead_of: What was declared before its function was known.

        Raises:
            HandlerError: Function, annotations and options do not fit together.
            ValueError: Another consumer has the name, or reads the topic in the same group.
        """
        made = declare(self._system, topic, function, to=to, key=key, options=options)
        self._add(made, instead_of)
        return made

    def bridge(
        self,
        source: Source,
        function: Callable[..., Any] | None,
        *,
        to: type[Entity] | None,
        key: Key,
        options: BridgeOptions,
        handling: ConsumerOptions,
        supervision: SupervisionStrategy | None,
        reply: Reply | None = None,
        instead_of: Bridge | None = None,
    ) -> Bridge:
        """Declare a bridge, the consumer of what comes from it, and that of answers.

        Raises:
            HandlerError: Function, annotations and options do not fit together.
            SchemaError: Nothing writes answers so.
            ValueError: A consumer or another bridge has the name.
        """
        made = declare_bridge(
            self._system,
            source,
            function,
            to=to,
            key=key,
            options=options,
            handling=handling,
            supervision=supervision,
            answering=reply is not None,
        )
        if instead_of is not None:
            self.bridges.pop(instead_of.name, None)
        self._add(made.consumer, None if instead_of is None else instead_of.consumer)
        self.bridges[made.name] = made
        self.queue_topics.add(made.consumer.topic)
        if reply is not None and made.answers not in self.queue_topics:
            back: Any = source  # a legacy queue is read and written
            answers, carrier = carry_answers(
                self._system,
                f"{made.name}-answers",
                made.answers,
                back,
                patience=self._patience,
                reply=reply,
            )
            self.queue_topics.add(made.answers)
            self.carried.add(made.answers)
            self.connected.append(carrier)
            self._add(answers, None)
        return made

    def outlet(
        self,
        destination: Destination,
        message_type: type[M],
        *,
        reply: type[R] | None,
        key: Key,
        name: str | None,
    ) -> Outlet[M, R]:
        """Declare an outlet, and the consumer that carries its messages.

        Raises:
            SchemaError: Nothing writes messages of that type, or reads such answers.
            ValueError: A consumer or another outlet has the name.
        """
        own = name or destination.queue_name
        topic = f"{self._system}.{own}.outlet"
        consumer, carrier = carry_letters(self._system, own, topic, destination, self._patience)
        made: Outlet[M, R] = Outlet(
            self._system,
            own,
            topic,
            destination,
            message_type,
            reply=reply,
            key=key,
            port=self._port,
            codec=Codec(TypeRegistry()),
        )
        self.queue_topics.add(topic)
        self.carried.add(topic)
        self._add(consumer, None)
        self.publishers[topic] = self.outlets[own] = made
        self.connected += [carrier, made.caller]
        self._changed()
        return made

    def _add(self, made: Consumer, instead_of: Consumer | None) -> None:
        if instead_of is not None:
            self.consumers.pop(instead_of.name, None)
        if made.name in self._kinds:
            raise ValueError(
                f"a kind of entities is called {made.name!r}, and a consumer of {made.topic} was "
                f"to be; both have topics of their own. Give the consumer another name"
            )
        other = self.consumers.get(made.name)
        if other is not None:
            raise ValueError(
                f"two consumers of system {self._system!r} are called {made.name!r}: of "
                f"{other.topic} and of {made.topic}. Give one of them another name, as in "
                f"system.consumer({made.topic!r}, name='{made.name}_2')"
            )
        for other in self.consumers.values():
            if (other.group, other.topic) == (made.group, made.topic):
                raise ValueError(
                    f"consumers {other.name!r} and {made.name!r} read {made.topic} in one group, "
                    f"{made.group!r}: each would get a part of the messages. Give one of them "
                    f"another group, or leave group= out"
                )
        self.consumers[made.name] = made
        self._changed()

    def publisher(
        self, topic: str, message_type: type[M], *, key: Key, partitions: int
    ) -> Publisher[M]:
        """Declare a publisher; of a topic there is one.

        Raises:
            ValueError: The topic's publisher is of another type.
        """
        check_topic(topic)
        known = self.publishers.get(topic)
        if known is not None:
            if known.message_type is message_type:
                return known
            raise ValueError(
                f"{topic} has a publisher of {known.message_type.__qualname__} already, and was to "
                f"get one of {message_type.__qualname__}. For several types, declare it of their "
                f"base: google.protobuf.message.Message for all protobuf messages"
            )
        made = Publisher(
            topic,
            message_type,
            key=key,
            partitions=partitions,
            port=self._port,
            max_message_bytes=DEFAULT_MAX_MESSAGE_BYTES,
        )
        self.publishers[topic] = made
        self._changed()
        return made

    def relay(self, outbox: Outbox) -> None:
        """Have what an outbox holds written to its topics."""
        if outbox not in self.outboxes:
            self.outboxes.append(outbox)
            self._changed()
