"""A bridge as its decorator declares it. Nothing runs here."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ...actors import Entity, HandlerError, SupervisionStrategy
from ..consumers import (
    Consumer,
    ConsumerOptions,
    Key,
    declare,
)
from ._foreign import Source
from ._intake import Payload, Received, Unpacked


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeOptions:
    """How a bridge works.

    Attributes:
        batch: Most messages of one write.
        max_backlog: Messages that may wait in the log to be handled, those that others have sent
            the same kind of entities among them; then the bridge takes no more, and the queue
            keeps the rest.
        remember: Ids of messages that are recognized when they come again: more than the broker
            may give twice, which is its prefetch and what it forgot when it died.
        max_message_bytes: Of body and headers; a larger one is set aside on the legacy side.
    """

    batch: int = 500
    max_backlog: int = 20_000
    remember: int = 50_000
    max_message_bytes: int = 900_000

    def __post_init__(self) -> None:
        for name in ("batch", "max_backlog", "remember", "max_message_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected 1 or more")


@dataclass(frozen=True, slots=True)
class Bridge:
    """A legacy queue, and the consumer of what comes from it.

    Attributes:
        name: Of the bridge within its system, and of the consumer.
        source: The queue.
        consumer: What becomes of its messages.
        options: How.
        supervision: What is decided when it fails.
        answers: The topic of answers to messages that ask; empty if nobody answers.
    """

    name: str
    source: Source
    consumer: Consumer
    options: BridgeOptions
    supervision: SupervisionStrategy | None
    answers: str = ""


def declare_bridge(
    system: str,
    source: Source,
    function: Callable[..., Any] | None,
    *,
    to: type[Entity] | None,
    key: Key,
    options: BridgeOptions,
    handling: ConsumerOptions,
    supervision: SupervisionStrategy | None,
    answering: bool = False,
) -> Bridge:
    """Check a declaration and return it.

    Raises:
        HandlerError: The function, its annotations or the options do not fit together.
        ValueError: No name of a bridge.
    """
    name = handling.name or (function.__name__ if function else source.queue_name)
    handling = replace(handling, name=name, partitions=1)
    called = None if function is None else _adapter(function)
    consumer = declare(system, f"{system}.{name}.intake", called, to=to, key=key, options=handling)
    if function is not None:
        if consumer.takes.batch:
            raise HandlerError(
                f"{function.__qualname__} takes a list; a bridge's adapter takes one message"
            )
        consumer = replace(consumer, decoding=Unpacked)
    else:
        consumer = replace(consumer, decoding=Received)
    answers = f"{system}.{name}.answers" if answering else ""
    return Bridge(name, source, consumer, options, supervision, answers)


def _adapter(function: Callable[..., Any]) -> Callable[[Payload], Any]:
    """Return what calls a bridge's function with what it wants, and looks as a consumer's does."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    wanted = [each for each in parameters if each.default is inspect.Parameter.empty]
    if not 1 <= len(wanted) <= 2:
        given = ", ".join(str(each) for each in parameters) or "nothing"
        raise HandlerError(
            f"{function.__qualname__} takes ({given}); a bridge's adapter takes the payload, and "
            f"the headers if it wants them:\n    def {function.__name__}(payload: bytes, "
            f"headers: dict[str, str]) -> Departed | None: ..."
        )

    def call(payload: Payload) -> Any:
        return function(*payload[: len(wanted)])

    async def wait(payload: Payload) -> Any:
        return await call(payload)

    adapter = functools.wraps(function)(wait if inspect.iscoroutinefunction(function) else call)
    # Of the payload alone, by whose annotation the body is decoded.
    adapter.__signature__ = signature.replace(parameters=parameters[:1])  # type: ignore[attr-defined]
    return adapter
