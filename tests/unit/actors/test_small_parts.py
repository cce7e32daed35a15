"""Paths, events, deadlines and entities' declarations."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import pytest

from callboard import AskTimeout, Entity, EntityRef, HandlerError
from callboard.actors import ActorPath, Deadlines, EntityPort, EventStream, send_all
from callboard.supervision import RetryPolicy


@pytest.mark.parametrize(
    ("segments", "text"),
    [
        ((), "callboard://bank"),
        (("user", "greeter"), "callboard://bank/user/greeter"),
        (("Account", "acc-42"), "callboard://bank/Account/acc-42"),
        (("Account", "a/b c"), "callboard://bank/Account/a%2Fb%20c"),
    ],
)
def test_a_path_reads_as_a_url(segments: tuple[str, ...], text: str) -> None:
    """A path's text is a URL whose parts cannot be mistaken for each other."""
    assert str(ActorPath("bank", segments)) == text


def test_paths_are_equal_by_place() -> None:
    """Paths compare by system and names, and can be keys."""
    path = ActorPath("bank", ("user",)) / "greeter"
    assert path == ActorPath("bank", ("user", "greeter"))
    assert path != ActorPath("shop", ("user", "greeter"))
    assert {path: 1}[ActorPath("bank", ("user", "greeter"))] == 1
    assert path.name == "greeter"


def test_events_reach_subscribers_of_the_class_and_its_bases() -> None:
    """A subscriber of a base class hears the event, one of another class does not."""
    stream, heard = EventStream(), list[object]()
    stream.subscribe(int, heard.append)
    stream.subscribe(object, heard.append)
    stream.publish(True)  # noqa: FBT003 - the event itself
    stream.publish("x")
    assert heard == [True, True, "x"]


def test_a_subscriber_that_raises_hurts_nobody(logged: list[Any]) -> None:
    """Other subscribers still hear the event, and the failure is logged."""
    stream, heard = EventStream(), list[str]()
    stream.subscribe(str, lambda event: 1 / 0)
    stream.subscribe(str, heard.append)
    stream.publish("x")
    assert heard == ["x"]
    assert logged[0]["event"] == "subscriber failed"


def test_unsubscribing_during_an_event_is_safe() -> None:
    """A callback may end its own subscription, twice even."""
    stream, heard = EventStream(), list[str]()

    def once(event: str) -> None:
        heard.append(event)
        unsubscribe()
        unsubscribe()

    unsubscribe = stream.subscribe(str, once)
    stream.publish("a")
    stream.publish("b")
    assert heard == ["a"]


def test_deadlines_fail_each_future_at_its_time(virtually: Any) -> None:
    """Futures fail in the order of their deadlines, whatever order they were added in."""

    async def main() -> None:
        loop, deadlines = asyncio.get_running_loop(), Deadlines()
        seen: list[tuple[float, float]] = []

        def note(seconds: float, _: object) -> None:
            seen.append((loop.time(), seconds))

        futures: list[asyncio.Future[None]] = []
        for seconds in (3.0, 1.0, 2.0, 1.0):
            future = loop.create_future()
            future.add_done_callback(partial(note, seconds))
            deadlines.add(future, seconds, partial(AskTimeout, "x", "M", seconds))
            futures.append(future)
        answered = loop.create_future()
        deadlines.add(answered, 0.5, lambda: AskTimeout("x", "M", 0.5))
        answered.set_result(1)
        failures = await asyncio.gather(*futures, return_exceptions=True)
        assert [one.seconds for one in cast("list[AskTimeout]", failures)] == [3.0, 1.0, 2.0, 1.0]
        assert seen == [(1.0, 1.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]
        assert await answered == 1
        assert len(deadlines) == 0

    virtually(main())


def test_deadlines_forget_what_is_answered(virtually: Any) -> None:
    """However many asks are answered, few are remembered, with one timer for all."""

    async def main() -> None:
        loop, deadlines = asyncio.get_running_loop(), Deadlines()
        for _ in range(20_000):
            future = loop.create_future()
            deadlines.add(future, 3600.0, lambda: AskTimeout("x", "M", 1))
            future.set_result(None)
        assert len(deadlines) <= 128
        waiting = loop.create_future()
        deadlines.add(waiting, 3600.0, lambda: AskTimeout("x", "M", 1))
        deadlines.close(lambda: ValueError("closed"))
        with pytest.raises(ValueError, match="closed"):
            await waiting

    virtually(main())


class Snapshot: ...


def test_an_entity_says_its_state_and_kind() -> None:
    """State class and kind are read from the class, the kind from `kind_name` if it is there."""

    class Account(Entity):
        state: Snapshot
        policy = RetryPolicy(max_attempts=5)

    class Savings(Account):
        kind_name = "savings-account"

    class Stateless(Entity): ...

    assert Account.state_type() is Snapshot
    assert Account.kind() == "Account"
    assert Savings.state_type() is Snapshot
    assert Savings.kind() == "savings-account"
    assert Stateless.state_type() is None
    assert Entity.state_type() is None


def test_a_state_named_by_a_string_is_resolved() -> None:
    """Strings are resolved in the module or beside the class, late enough for later names."""

    class Local: ...

    class Early(Entity):
        state: "Snapshot"

    class Near(Entity):
        state: "Local"

    class Late(Entity):
        state: "Defined"

    class Wrong(Entity):
        state: "int | str"

    assert Early.state_type() is Snapshot
    assert Near.state_type() is Local
    assert Late.state_type() is Defined
    with pytest.raises(HandlerError, match="name one class"):
        Wrong.state_type()


class Defined: ...


def test_a_kind_fits_into_a_topic_name() -> None:
    """Kinds with characters that topics cannot have are refused at the class statement."""
    with pytest.raises(HandlerError, match=r"letters, digits, _ and - only"):

        class Account(Entity):  # pyright: ignore[reportUnusedClass]
            kind_name = "Account/2"


class Recorder:
    """An EntityPort that records."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def tell(self, ref: EntityRef[Any], message: object) -> None:
        self.calls.append(("tell", ref, message))

    async def send(self, ref: EntityRef[Any], message: object) -> None:
        self.calls.append(("send", ref, message))

    async def send_all(self, messages: Sequence[tuple[EntityRef[Any], object]]) -> None:
        self.calls.append(("send_all", list(messages)))

    async def ask(self, ref: EntityRef[Any], message: object, timeout: float) -> Any:  # noqa: ASYNC109 - the port's
        self.calls.append(("ask", ref, message, timeout))
        return "reply"


async def test_many_messages_go_to_each_port_at_once() -> None:
    """One call for each transport, with the messages in the order given."""
    one, other = Recorder(), Recorder()
    a: EntityRef[str] = EntityRef("bank", "Account", "a", one)
    b: EntityRef[str] = EntityRef("shop", "Cart", "b", other)
    await send_all([(a, "1"), (b, "2"), (a, "3")])
    assert one.calls == [("send_all", [(a, "1"), (a, "3")])]
    assert other.calls == [("send_all", [(b, "2")])]


async def test_an_entity_ref_hands_its_verbs_to_the_port() -> None:
    """tell, send and ask go through the port with the ref they were called on."""
    port = Recorder()
    ref: EntityRef[str] = EntityRef("bank", "Account", "acc-42", port)
    ref.tell("a")
    await ref.send("b")
    assert await ref.ask("c", timeout=2.0) == "reply"
    assert port.calls == [("tell", ref, "a"), ("send", ref, "b"), ("ask", ref, "c", 2.0)]
    assert str(ref.path) == "callboard://bank/Account/acc-42"
    assert ref == EntityRef("bank", "Account", "acc-42", cast("EntityPort", None))
    assert hash(ref) == hash(EntityRef("bank", "Account", "acc-42", port))
    assert ref != EntityRef("bank", "Account", "other", port)


@pytest.mark.parametrize("bad", ["", None, 7])
def test_an_entity_id_is_a_filled_string(bad: Any) -> None:
    """Empty ids and ids that are no strings are refused."""
    with pytest.raises(ValueError, match="at least one character"):
        EntityRef("bank", "Account", bad, Recorder())
