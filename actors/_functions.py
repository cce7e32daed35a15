"""Actors written as plain functions, for small things."""

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

from ._actor import Actor
from ._context import ActorContext
from ._errors import HandlerError
from ._handlers import Accepts, calling_namespace, handler, resolve

M = TypeVar("M")
P = ParamSpec("P")


class FunctionActor(Actor, Accepts[M], Generic[M]):
    """The class that `actor` makes of a function.

    Attributes:
        function: the function, to be called in a unit test as it is.
    """

    function: Callable[..., Any]


def actor(function: Callable[Concatenate[ActorContext, M, P], Any]) -> type[FunctionActor[M]]:
    """Make an actor class of a function that takes the context, a message, and what `spawn` adds.

    ```python
    @actor
    async def greeter(context: ActorContext, message: Hello, greeting: str = "hello") -> str:
        return f"{greeting}, {message.name}"

    ref = system.spawn(greeter, "good evening", name="greeter")     # an ActorRef[Hello]
    ```

    The function is called once for each message, and what it returns answers an ask. The messages
    it takes are those its second parameter is annotated with, as for a `@handler`. It keeps no
    state of its own; children, timers and the like it has through the context.

    Raises:
        HandlerError: it is no function of a context and an annotated message.
    """
    if not isinstance(cast("object", function), FunctionType):
        raise HandlerError(f"@actor marks a function, and was given {function!r}")
    plain = cast("FunctionType", function)
    signature = inspect.signature(plain)
    parameters = list(signature.parameters.values())
    positional = [
        one
        for one in parameters[:2]
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    if len(positional) < 2 or positional[1].annotation is inspect.Parameter.empty:
        define = "async def" if inspect.iscoroutinefunction(plain) else "def"
        raise HandlerError(
            f"{plain.__qualname__} does not say which messages it takes. Write:\n"
            f"    @actor\n    {define} {plain.__name__}"
            "(context: ActorContext, message: Hello) -> ..."
        )
    message_type = resolve(
        parameters[1].annotation, plain, calling_namespace(plain.__module__), plain.__qualname__
    )

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it becomes the method
        signature.bind(None, None, *args, **kwargs)
        self._args, self._kwargs = args, kwargs

    # Not `async` for an async function: the coroutine it returns is one as good as any.
    def receive(self: Any, message: Any) -> Any:
        return plain(self.context, message, *self._args, **self._kwargs)

    receive.__annotations__["message"] = message_type
    made = type(
        plain.__name__,
        (FunctionActor,),
        {
            "__doc__": plain.__doc__,
            "__module__": plain.__module__,
            "__qualname__": plain.__qualname__,
            "__init__": __init__,
            "function": staticmethod(plain),
            "receive": handler(receive),
        },
    )
    return cast("type[FunctionActor[M]]", made)
