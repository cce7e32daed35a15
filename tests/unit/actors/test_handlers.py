# pyright: reportUnusedClass=false

"""Which method takes which message."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from callboard import Actor, Entity, HandlerError, Listing, handler
from callboard.actors import HandlerTable


class Hello: ...


class Warm(Hello): ...


class Bye: ...


def test_the_annotation_names_the_message_even_as_a_string() -> None:
    """A handler is found by the exact class its annotation names."""

    class Greeter(Actor):
        @handler
        def hello(self, message: Hello) -> NeverDefined: ...  # type: ignore[name-defined]  # noqa: F821

    assert Greeter.handlers.lookup(Hello) is Greeter.hello
    assert Greeter.handlers.lookup(Bye) is None


def test_a_base_class_takes_what_derives_from_it() -> None:
    """The nearest base with a handler takes a message, and object takes the rest."""

    class Greeter(Actor):
        @handler
        def hello(self, message: Hello) -> None: ...

        @handler
        def rest(self, message: object) -> None: ...

    assert Greeter.handlers.lookup(Warm) is Greeter.hello
    assert Greeter.handlers.lookup(int) is Greeter.rest
    assert Greeter.handlers.known[Warm] is Greeter.hello


@pytest.mark.parametrize("kind", ["union", "optional", "annotated", "any"])
def test_unions_and_wrappers_are_seen_through(kind: str) -> None:
    """Unions name several messages, Annotated names what it wraps, Any names all."""

    class Greeter(Actor):
        @handler
        def union(self, message: Hello | Bye) -> None: ...

        @handler
        def optional(self, message: int | None) -> None: ...

        @handler
        def annotated(self, message: Annotated[str, "x"]) -> None: ...

        @handler
        def any(self, message: Any) -> None: ...

    expected: dict[str, tuple[type, ...]] = {
        "union": (Hello, Bye),
        "optional": (int, type(None)),
        "annotated": (str,),
        "any": (bytes,),
    }
    for one in expected[kind]:
        assert Greeter.handlers.lookup(one) is getattr(Greeter, kind)


def test_messages_defined_beside_the_actor_are_found() -> None:
    """Classes local to the function around the class statement resolve."""

    @dataclass
    class Local: ...

    class Greeter(Actor):
        @handler
        def local(self, message: Local) -> None: ...

    assert Greeter.handlers.types() == (Local,)


def test_handlers_are_inherited_and_overridden_by_name() -> None:
    """A subclass keeps inherited handlers, and its own method of the same name is called."""

    class Base(Actor):
        @handler
        def hello(self, message: Hello) -> str:
            return "base"

        @handler
        def bye(self, message: Bye) -> str:
            return "base"

    class Sub(Base):
        def hello(self, message: Hello) -> str:
            return "sub"

        @handler
        def later(self, message: Bye) -> str:
            return "sub"

    assert Sub.handlers.lookup(Hello) is Sub.hello
    assert Sub.handlers.lookup(Bye) is Sub.later
    assert Base.handlers.lookup(Bye) is Base.bye


def test_entities_have_the_same_table() -> None:
    """`@handler` works on entities as on actors."""

    class Account(Entity):
        @handler
        def hello(self, message: Hello) -> None: ...

    assert isinstance(Account.handlers, HandlerTable)
    assert Account.handlers.lookup(Warm) is Account.hello


def test_a_handler_without_annotation_is_told_the_line() -> None:
    """The error of a missing annotation shows what to write."""
    with pytest.raises(HandlerError, match=r"def hello\(self, message: Hello\)") as caught:

        class Greeter(Actor):
            @handler
            def hello(self, message): ...  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202

    assert "Greeter.hello" in str(caught.value)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("parameters", ["none", "two", "star", "keyword"])
def test_a_handler_takes_the_message_alone(parameters: str) -> None:
    """More, fewer or other parameters than the message are refused with the line to write."""
    with pytest.raises(HandlerError, match=r"async def hello\(self, message: Hello\)"):
        if parameters == "none":

            class A(Actor):
                @handler
                async def hello(self) -> None: ...

        elif parameters == "two":

            class B(Actor):
                @handler
                async def hello(self, context: Any, message: Hello) -> None: ...

        elif parameters == "star":

            class C(Actor):
                @handler
                async def hello(self, *message: Hello) -> None: ...

        else:

            class D(Actor):
                @handler
                async def hello(self, *, message: Hello) -> None: ...


def test_two_handlers_for_one_message_are_refused() -> None:
    """The error of a second handler names both."""
    with pytest.raises(HandlerError, match=r"Greeter\.one and .*Greeter\.two both handle Hello"):

        class Greeter(Actor):
            @handler
            def one(self, message: Hello) -> None: ...

            @handler
            def two(self, message: Bye | Hello) -> None: ...


def test_an_unknown_name_is_refused() -> None:
    """The error of an unresolvable annotation names it and says where to define it."""
    with pytest.raises(HandlerError, match=r"'Nowhere' is not defined here yet"):

        class Greeter(Actor):
            @handler
            def hello(self, message: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize("bad", ["list[int]", "int | list[int]", "'x y'"])
def test_what_is_no_class_is_refused(bad: str) -> None:
    """Generic aliases cannot be told apart at run time and are refused."""

    def hello(self: Any, message: Any) -> None: ...

    hello.__annotations__["message"] = bad
    with pytest.raises(HandlerError):
        builtins.type("Greeter", (Actor,), {"hello": handler(hello), "__module__": __name__})


def test_the_decorator_is_bare() -> None:
    """`@handler` on something that is no function says so."""
    with pytest.raises(HandlerError, match="bare"):
        handler(Hello)


def test_a_generic_of_anything_is_its_class() -> None:
    """`Listing[Any]` is what type checkers want to read, and `Listing` what arrives."""

    class Subscriber(Actor):
        @handler
        def listed(self, message: Listing[Any]) -> None: ...

    assert Subscriber.handlers.types() == (Listing,)
