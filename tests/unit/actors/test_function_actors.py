"""Actors written as functions, and actors that say what they take."""

import asyncio
import functools
from typing import Any

import pytest
from support.actor_doing import Log, Oops, lenient

from callboard import (
    Accepts,
    Actor,
    ActorContext,
    ActorFailed,
    ActorSystem,
    DeadLetter,
    HandlerError,
    actor,
    handler,
)
from callboard.actors import FunctionActor


class Hello:
    def __init__(self, name: str) -> None:
        self.name = name


class Bye(Hello): ...


class Stop: ...


@actor
def greeter(context: ActorContext, message: Hello, greeting: str = "hello") -> str:
    """Greet."""
    return f"{greeting}, {message.name}"


@actor
async def slow_greeter(
    context: ActorContext, message: Hello | int, greeting: str, *, mark: str = "!"
) -> str:
    """Greet after a while; crash on a number."""
    await asyncio.sleep(1)
    if isinstance(message, int):
        raise Oops
    return f"{greeting}, {message.name}{mark}"


@actor
def quoted(context: ActorContext, message: "Hello | Stop", log: Log) -> None:
    """Record what comes, and stop when told to."""
    log.append(type(message).__name__)
    if isinstance(message, Stop):
        context.stop()


def test_a_plain_function_answers(virtually: Any) -> None:
    """What it returns answers an ask; arguments of `spawn` follow the message."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            assert await system.spawn(greeter).ask(Hello("Ada"), timeout=1.0) == "hello, Ada"
            rude = system.spawn(greeter, "oi", name="rude")
            assert await rude.ask(Hello("Ada"), timeout=1.0) == "oi, Ada"
            assert await system.spawn(greeter, greeting="hi").ask(Bye("Bob"), 1.0) == "hi, Bob"

    virtually(main())


def test_an_async_function_answers_too(virtually: Any) -> None:
    """One message after another, also with keywords, and it is restarted when it raises."""

    async def main() -> None:
        async with lenient() as system:
            ref = system.spawn(slow_greeter, "hi", mark="?")
            asks = [asyncio.ensure_future(ref.ask(Hello(name), timeout=9.0)) for name in "ab"]
            assert await asyncio.gather(*asks) == ["hi, a?", "hi, b?"]
            assert asyncio.get_running_loop().time() == 2.0
            with pytest.raises(ActorFailed, match="Oops"):
                await ref.ask(1, timeout=9.0)
            assert await ref.ask(Hello("c"), timeout=9.0) == "hi, c?"
            assert system.statistics().restarts == 1

    virtually(main())


def test_its_context_is_that_of_the_actor(virtually: Any) -> None:
    """Children, sender, path, and stopping itself work as in a method."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            ref = system.spawn(quoted, log)

            @actor
            def parent(context: ActorContext, message: str) -> Any:
                child = context.spawn(greeter, name=message)
                return (str(child.path), context.sender, len(context.children))

            answer = await system.spawn(parent, name="p").ask("kid", timeout=1.0)
            assert answer == ("callboard://t/user/p/kid", None, 1)
            ref.tell(Hello("x"))
            ref.tell(Stop())
            ref.tell(Hello("never"))
            await asyncio.sleep(1)

    virtually(main())
    assert log == ["Hello", "Stop"]


def test_what_the_annotation_does_not_name_is_unhandled(virtually: Any) -> None:
    """A message of another class is a dead letter that names the function."""
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            ref: Any = system.spawn(greeter)
            ref.tell(Stop())
            with pytest.raises(ActorFailed, match="greeter has no handler for float"):
                await ref.ask(1.5, timeout=1.0)

    virtually(main())
    assert [letter.reason for letter in dead] == ["greeter has no handler for Stop"]


def test_wrong_arguments_are_refused_by_spawn(virtually: Any) -> None:
    """They are checked when the actor is spawned, not with its first message."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            with pytest.raises(TypeError, match="missing a required argument: 'greeting'"):
                system.spawn(slow_greeter)
            with pytest.raises(TypeError, match="too many positional arguments"):
                system.spawn(slow_greeter, "a", "b")
            with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
                system.spawn(slow_greeter, "a", other=1)
            assert system.statistics().actors == 0

    virtually(main())


async def test_the_function_can_be_tested_without_a_system() -> None:
    """`function` is what was decorated: a plain test calls it with anything for a context."""
    assert greeter.function(None, Hello("Ada"), "hi") == "hi, Ada"
    with pytest.raises(Oops):
        await slow_greeter.function(None, 1, "hi")


def test_it_is_a_class_that_looks_like_the_function() -> None:
    """Name, module and docstring are the function's, so errors and trees show them."""
    assert issubclass(greeter, FunctionActor)
    assert issubclass(greeter, Actor)
    assert (greeter.__name__, greeter.__qualname__, greeter.__module__) == (
        "greeter",
        "greeter",
        __name__,
    )
    assert greeter.__doc__ == "Greet."
    assert set(slow_greeter.handlers.types()) == {Hello, int}
    assert set(quoted.handlers.types()) == {Hello, Stop}


def wrong_functions() -> dict[str, Any]:
    """Return functions that no actor can be made of, by their names."""

    def no_message(context: ActorContext) -> None: ...

    def no_annotation(context: ActorContext, message) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001 - so  # pyright: ignore[reportMissingParameterType, reportUnknownParameterType]

    def keyword_message(context: ActorContext, *, message: Hello) -> None: ...

    def many_messages(context: ActorContext, *messages: Hello) -> None: ...

    def star(*args: Hello, **kwargs: Hello) -> None: ...

    def generic(context: ActorContext, message: list[int]) -> None: ...

    def unknown(context: ActorContext, message: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821 - so  # pyright: ignore[reportUndefinedVariable, reportUnknownParameterType]

    made: list[Any] = [
        no_message, no_annotation, keyword_message, many_messages, star, generic, unknown
    ]  # fmt: skip
    return {one.__name__: one for one in made}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("no_message", r"def no_message\(context: ActorContext, message: Hello\)"),
        ("no_annotation", r"no_annotation does not say which messages it takes"),
        ("keyword_message", r"keyword_message does not say which messages it takes"),
        ("many_messages", r"many_messages does not say which messages it takes"),
        ("star", r"star does not say which messages it takes"),
        ("generic", r"annotated with list\[int\]"),
        ("unknown", r"'Nowhere' is not defined here yet"),
        (functools.partial(print), r"@actor marks a function"),
        (Hello, r"@actor marks a function"),
        (print, r"@actor marks a function"),
    ],
)
def test_a_function_without_a_message_is_refused(wrong: Any, sentence: str) -> None:
    """The decorator says what is missing, and shows the line to write."""
    with pytest.raises(HandlerError, match=sentence):
        actor(wrong_functions()[wrong] if isinstance(wrong, str) else wrong)


# --- Accepts --------------------------------------------------------------------------------------


def test_a_class_is_held_to_what_it_accepts() -> None:
    """Handlers of each type, of a base class of it, or inherited ones will do; more do no harm."""

    class Greeter(Actor, Accepts[Hello | Bye]):
        @handler
        def hello(self, message: Hello) -> None: ...

        @handler
        def private(self, message: Stop) -> None: ...

    class Heir(Greeter): ...

    class Anything(Actor, Accepts[Any]):
        @handler
        def take(self, message: object) -> None: ...

    assert set(Greeter.handlers.types()) == {Hello, Stop}
    assert set(Heir.handlers.types()) == {Hello, Stop}
    assert Anything.handlers.lookup(Hello) is not None


def test_a_type_without_handler_is_refused() -> None:
    """The error of the `class` statement names all that is missing, and the lines to write."""
    with pytest.raises(
        HandlerError,
        match=r"(?s)Greeter says Accepts.* no handler for Stop, int\..*def on_stop\(self",
    ):

        class Greeter(Actor, Accepts[Hello | Stop | int]):  # pyright: ignore[reportUnusedClass]
            @handler
            def hello(self, message: Hello) -> None: ...


def test_a_quoted_type_is_read() -> None:
    """Names in quotes are resolved beside the class, as in handlers."""

    class Local: ...

    class Good(Actor, Accepts["Local"]):
        @handler
        def local(self, message: Local) -> None: ...

    assert Good.handlers.types() == (Local,)
    with pytest.raises(HandlerError, match="no handler for Local"):

        class Bad(Actor, Accepts["Local"]): ...  # pyright: ignore[reportUnusedClass]
