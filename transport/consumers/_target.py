"""What becomes of a decoded message: a function is called, or an entity is told."""

from collections.abc import Callable, Mapping, Sequence
from inspect import isawaitable
from typing import Any, NamedTuple, TypeAlias

from ...actors import Entity, SchemaError
from ..delivery import (
    CORRELATION,
    FLOOR,
    ID,
    REPLY_TO,
    Codec,
    Inbound,
    Turn,
    current_turn,
    id_of,
)
from ._accepts import Accepted, Model, Protobufs, Raw, accepted
from ._context import ConsumerContext
from ._declared import Consumer
from ._keys import MissingKeyError, key_function


class AdapterError(SchemaError):
    """An event adapter returned something that nobody takes."""


DecodesAll: TypeAlias = Callable[[Sequence[Inbound]], list[Any]]


class _Dropped:
    """What an adapter that returns None leaves."""


DROPPED = _Dropped()


class Routed(NamedTuple):
    """A command, and the entity it is for."""

    id: str
    command: object


class FunctionTarget:
    """Calls a function with each message.

    Args:
        consumer: Its declaration.
        codec: Decodes.
    """

    def __init__(self, consumer: Consumer, codec: Codec) -> None:
        assert consumer.function is not None, "a consumer without to= has one"
        self._function: Callable[..., Any] = consumer.function
        self._with_context = consumer.with_context
        self._accepted: Accepted = _decoding(consumer, codec)
        self._adapter = consumer.options.adapter
        self._many: DecodesAll | None = None
        if self._adapter is None and isinstance(self._accepted, Protobufs | Raw | Model):
            self._many = self._accepted.decode_all
        self._gives = consumer.gives
        self._key = None if consumer.key is None else key_function(consumer.key)
        self.keyed = self._key is not None
        """The key of a message is not its record's."""
        self.answers = True
        """What the function returns answers whoever asked."""

    def prepare(self, record: Inbound, headers: Mapping[str, bytes]) -> Any:
        """Return what the function takes, or DROPPED.

        Raises:
            SchemaError: The record is nothing that it takes.
            Exception: The adapter failed.
        """
        message = self._accepted.decode(record.value, headers)
        if self._adapter is None or message is DROPPED:
            return message
        return adapted(self._adapter, message, self._gives)

    def prepare_all(self, records: Sequence[Inbound]) -> list[Any] | None:
        """Return what the function takes; None if each record has to be looked at by itself."""
        if self._many is None:
            return None
        try:
            return self._many(records)
        except Exception:  # noqa: BLE001 - one is bad: its turn comes, and finds out which
            return None

    def key_of(self, ready: Any) -> str:
        """Return a prepared message's own key."""
        assert self._key is not None, "asked only when it is keyed"
        return self._key(ready)

    def call(self, ready: Any, context: ConsumerContext | None) -> Any:
        """Call the function; what it returns may have to be awaited."""
        if self._with_context:
            return self._function(ready, context)
        return self._function(ready)


class RouteTarget:
    """Tells an entity, after the consumer's function, as an event adapter, has made the command.

    Args:
        consumer: Its declaration.
        codec: Decodes.
    """

    def __init__(self, consumer: Consumer, codec: Codec) -> None:
        assert consumer.to is not None, "a route leads somewhere"
        self._to: type[Entity] = consumer.to
        self._function = consumer.function
        self._group = consumer.group
        self._with_context = consumer.with_context
        self._looks_on = consumer.looks_on
        self._adapter = consumer.options.adapter
        self._gives = consumer.gives
        self._key = None if consumer.key is None else key_function(consumer.key)
        self._field = consumer.key if isinstance(consumer.key, str) else None
        # The command is made before its lane is chosen, so that the entity's order holds. Only a
        # function that waits, or looks at the context, is called in the lane of the record's key.
        self.early = not consumer.is_async and not consumer.with_context
        """The command is known before anything waits."""
        self.keyed = self.early and self._key is not None
        self.answers = False  # the entity does
        self.accepted: Accepted = _decoding(consumer, codec)
        """Decodes."""

    def prepare(self, record: Inbound, headers: Mapping[str, bytes]) -> Any:
        """Return the command and whom it is for, or what the function is still to be called with.

        Raises:
            SchemaError: The record is nothing that can be routed.
            Exception: The adapter failed.
        """
        message = self.accepted.decode(record.value, headers)
        return message if message is DROPPED else self.routed(message, record.key)

    def routed(self, message: Any, key: bytes | None) -> Any:
        """Return what `prepare` does, of a decoded message.

        Args:
            message: What came.
            key: The entity that it is for, if nothing else says so.
        """
        if self._adapter is not None:
            message = adapted(self._adapter, message, self._gives)
            if message is DROPPED:
                return DROPPED
        if not self.early:
            return message
        if self._function is None:
            return self._routed(message, message, key)
        return self._commanded(message, self._function(message), key)

    def prepare_all(self, records: Sequence[Inbound]) -> None:
        """Each command is made by itself."""

    def key_of(self, ready: Any) -> str:
        """Return the id of the entity that a prepared command is for."""
        return ready.id if isinstance(ready, Routed) else ""

    def call(self, ready: Any, context: ConsumerContext | None) -> Any:
        """Tell the entity; it leaves when the turn has succeeded."""
        assert context is not None, "the way to the entity"
        if isinstance(ready, Routed):
            self._tell(ready, context)
            return None
        assert self._function is not None, "only a function makes it late"
        result = self._function(ready, context) if self._with_context else self._function(ready)
        if isawaitable(result):
            return self._later(ready, result, context)
        self._tell(self._commanded(ready, result, context.record.key), context)
        return None

    async def _later(self, message: Any, result: Any, context: ConsumerContext) -> None:
        self._tell(self._commanded(message, await result, context.record.key), context)

    def _tell(self, routed: Any, context: ConsumerContext) -> None:
        if isinstance(routed, Routed):
            turn = current_turn.get()
            if turn is not None and not turn.outputs:
                self._carry_on(turn, routed, context)
            context.entity(self._to, routed.id).tell(routed.command)
            if turn is not None and REPLY_TO in context.headers:
                question = [(name, context.headers[name]) for name in (REPLY_TO, CORRELATION)]
                told = turn.outputs.pop()
                turn.outputs.append(told._replace(headers=[*told.headers, *question]))

    def _carry_on(self, turn: Turn, routed: Routed, context: ConsumerContext) -> None:
        """Let a command have the id of its event, if that is one of callboard's.

        What a publisher or a relay had to write twice is then applied once. Only where the
        record's key is the entity's id: then all that one source sends the entity comes in the
        order of its numbers, also through retries and quarantine, and its floor is true.
        """
        record, headers = context.record, context.headers
        if routed.id.encode() == record.key and FLOOR in headers and id_of(headers) is not None:
            place = f"{self._group}@{record.topic}/{record.partition}"
            turn.forward(f"{place}~{headers[ID].decode()}", headers[FLOOR])

    def _commanded(self, message: Any, result: Any, key: bytes | None) -> Any:
        if self._looks_on:
            return self._routed(message, message, key)
        return DROPPED if result is None else self._routed(result, message, key)

    def _routed(self, command: Any, event: Any, key: bytes | None) -> Routed:
        if self._to.handlers.lookup(type(command)) is None:
            raise AdapterError(
                f"the command is a {type(command).__qualname__}, and {self._to.__qualname__} has "
                f"no handler for it; it has one for "
                f"{', '.join(each.__qualname__ for each in self._to.handlers.types())}"
            )
        if self._key is not None:
            said = (
                event if self._field is not None and not hasattr(command, self._field) else command
            )
            return Routed(self._key(said), command)
        try:
            id_ = (key or b"").decode()
        except UnicodeDecodeError:
            id_ = ""
        if not id_ or id_.startswith("\x00"):
            raise MissingKeyError(
                f"the record's key is {(key or b'')[:40]!r}, which names no entity; say which by "
                f"key='FIELD' or key=FUNCTION of the command"
            )
        return Routed(id_, command)


def adapted(adapter: Callable[[Any], Any], event: Any, gives: tuple[type, ...]) -> Any:
    """Return what an adapter makes of an event, or DROPPED.

    Raises:
        AdapterError: It returned something else than the function takes.
        Exception: It failed.
    """
    made = adapter(event)
    if made is None:
        return DROPPED
    if gives and not isinstance(made, gives):
        raise AdapterError(
            f"the adapter returned a {type(made).__qualname__}; the consumer takes "
            f"{' | '.join(each.__qualname__ for each in gives)}"
        )
    return made


def _decoding(consumer: Consumer, codec: Codec) -> Accepted:
    if consumer.to is not None and consumer.function is None and consumer.options.adapter is None:
        types = consumer.to.handlers.types()
        default = types[0] if len(types) == 1 else None
        plain: Accepted = Protobufs(codec, [], default, empty=False)
    else:
        plain = accepted(consumer.takes, codec)
    return plain if consumer.decoding is None else consumer.decoding(plain, codec)


def target_of(consumer: Consumer, codec: Codec) -> FunctionTarget | RouteTarget:
    """Return what handles a consumer's messages."""
    if consumer.to is not None:
        return RouteTarget(consumer, codec)
    return FunctionTarget(consumer, codec)
