"""A consumer as its decorator declares it. Nothing runs here."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from ...actors import Entity, HandlerError, calling_namespace, resolve
from ...schemas import Message
from ..delivery import Codec
from ._accepts import Accepted, Annotation, check, read_annotation
from ._keys import Key
from ._options import ConsumerOptions

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
"""Of an object in one process's memory."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


@dataclass(frozen=True, slots=True)
class Consumer:
    """What is to be done with the messages of a topic.

    Attributes:
        topic: Where they come from.
        name: Of the consumer within its system.
        group: Whose positions are committed.
        function: Called for each, or making the command that an entity gets; None passes on.
        takes: What is decoded.
        gives: The classes that an adapter must return; empty for any.
        with_context: The function takes a `ConsumerContext` as well.
        looks_on: The function says `-> None`: what it was given is what the entity gets.
        to: The kind of entities they are for; None for the function alone.
        key: Which entity, or which order.
        options: How.
        decoding: Makes of what decodes a value what decodes a record, where that is more.
    """

    topic: str
    name: str
    group: str
    function: Callable[..., Any] | None
    takes: Annotation
    gives: tuple[type, ...]
    with_context: bool
    looks_on: bool
    to: type[Entity] | None
    key: Key
    options: ConsumerOptions
    decoding: Callable[[Accepted, Codec], Accepted] | None = None

    @property
    def is_async(self) -> bool:
        """The function is a coroutine function."""
        return inspect.iscoroutinefunction(self.function)

    def path(self, system: str) -> str:
        """Return by which address it sends, in a system of that name."""
        return f"callboard://{system}/consumers/{self.name}"

    def as_declared(self) -> dict[str, str]:
        """Return what other nodes' consumers of this group should say as well, as text.

        Functions are said by their names: what is in them, nobody can compare.
        """
        options = self.options
        said = {each.name: _text(getattr(options, each.name)) for each in fields(options)}
        return said | {
            "topic": self.topic,
            "name": self.name,
            "group": self.group,
            "takes": " | ".join(each.__qualname__ for each in self.takes.classes),
            "batches": str(self.takes.batch),
            "to": "None" if self.to is None else self.to.kind(),
            "key": _text(self.key),
        }


def declare(
    system: str,
    topic: str,
    function: Callable[..., Any] | None,
    *,
    to: type[Entity] | None,
    key: Key,
    options: ConsumerOptions,
) -> Consumer:
    """Check a declaration and return it.

    Raises:
        HandlerError: The function, its annotations or the options do not fit together.
        ValueError: No name of a topic, a consumer or a group.
    """
    check_topic(topic)
    name = options.name or _name_of(topic, function, to)
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} cannot be the name of a consumer, which is part of topic names: use 1 to 80 "
            f"letters, digits, '_' or '-', as in name='on_order'"
        )
    group = options.group or f"{system}.{name}"
    if not group.isascii() or not group.isprintable():
        raise ValueError(f"group {group!r} is no printable ASCII text")
    source = options.adapter or function
    where = f"consumer {name}" if function is None else f"{function.__qualname__}"
    takes = Annotation((Message,), empty=False, batch=False)
    gives: tuple[type, ...] = ()
    with_context = False
    if function is not None:
        with_context = _parameters(function, where)
    if source is not None:
        takes = read_annotation(_annotation(source), source.__qualname__)
        check(takes, source.__qualname__)
    if inspect.iscoroutinefunction(options.adapter):
        raise HandlerError(
            f"the adapter of {where} is async; an event adapter computes and waits for nothing. Do "
            f"what waits in the function"
        )
    if options.adapter is not None and function is not None:
        gives = read_annotation(_annotation(function), where).classes
    if takes.batch and (
        to is not None or key is not None or options.at_most_once or options.on_failure is not None
    ):
        raise HandlerError(
            f"{where} takes a list: batches go to a function alone, at least once, and in the "
            f"order of their partition; leave out to=, key= and at_most_once, and on_failure"
        )
    looks_on = to is not None and function is not None and _returns_nothing(function)
    return Consumer(
        topic, name, group, function, takes, gives, with_context, looks_on, to, key, options
    )


def check_topic(topic: str) -> None:
    """Refuse what cannot be a topic's name.

    Raises:
        ValueError: Says what it may be made of.
    """
    if not isinstance(topic, str) or _TOPIC.fullmatch(topic) is None or topic in {".", ".."}:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise ValueError(
            f"{topic!r} cannot be a topic's name: use 1 to 249 letters, digits, '.', '_' or '-'"
        )


def _text(value: object) -> str:
    named = getattr(value, "__qualname__", None)
    return str(named) if named is not None else _ADDRESS.sub("", repr(value))


def _name_of(topic: str, function: Callable[..., Any] | None, to: type[Entity] | None) -> str:
    if function is not None:
        return function.__name__
    assert to is not None, "the decorator without a function says where to"
    return f"{topic}-{to.kind()}".replace(".", "-")


def _parameters(function: Callable[..., Any], where: str) -> bool:
    """Check how a function is called; return whether it takes a context."""
    simple = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = list(inspect.signature(function).parameters.values())
    wanted = [each for each in parameters if each.default is inspect.Parameter.empty]
    if not 1 <= len(wanted) <= 2 or any(each.kind not in simple for each in wanted):
        given = ", ".join(str(each) for each in parameters) or "nothing"
        raise HandlerError(
            f"{where} takes ({given}); a consumer's function takes the message, and a context if "
            f"it wants one:\n    async def {function.__name__}(message: OrderPlaced, "
            f"context: ConsumerContext) -> None: ..."
        )
    return len(wanted) == 2


def _annotation(function: Callable[..., Any]) -> Any:
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].annotation is inspect.Parameter.empty:
        name = parameters[0].name if parameters else "message"
        raise HandlerError(
            f"{function.__qualname__} does not say which messages it takes: annotate {name!r}, as "
            f"in def {function.__name__}({name}: OrderPlaced) -> ..."
        )
    said = parameters[0].annotation
    plain = inspect.unwrap(function)
    return resolve(said, plain, calling_namespace(plain.__module__), function.__qualname__)


def _returns_nothing(function: Callable[..., Any]) -> bool:
    return inspect.signature(function).return_annotation in (None, "None")
