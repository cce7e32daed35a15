"""An actor that a test holds in its hand: records what it gets, answers when the test says so."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from ..actors import (
    Actor,
    ActorFailed,
    ActorRef,
    DeferredReply,
    Recipient,
    System,
    Terminated,
    handler,
)

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault

    # So that a bare `Probe(system)` is a Probe[Any]; before 3.13 only type checkers know defaults.
    M = TypeVarWithDefault("M", default=Any)
else:
    M = TypeVar("M")

T = TypeVar("T")

# Messages that a failed expectation shows of each kind.
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A message, who sent it, and the way back to an asker."""

    message: Any
    sender: Recipient[Any] | None
    reply: DeferredReply | None

    def __str__(self) -> str:
        verb = "asked" if self.reply else "told"
        by = "code outside actors" if self.sender is None else str(self.sender.path)
        return f"{self.message!r}, {verb} by {by}"


@dataclass(frozen=True, slots=True)
class _Do:
    """Something to be done in the probe's own turn."""

    call: Callable[[Actor], object]


class _StandIn(Actor):
    """The actor behind a probe: hands everything on to it."""

    def __init__(self, arrived: Callable[[_Arrival], None]) -> None:
        self._arrived = arrived

    @handler
    def take(self, message: object) -> None:
        reply = self.context.defer_reply()
        self._arrived(_Arrival(message, self.context.sender, reply if reply.wanted else None))

    @handler
    def do(self, message: _Do) -> None:
        message.call(self)


class Probe(Generic[M]):
    """An actor for tests: give its `ref` to the actors under test, then expect what they send.

    ```python
    probe: Probe[Pong] = Probe(system)
    system.spawn(Player).tell(Ping(reply_to=probe.ref))
    pong = await probe.expect(Pong)
    assert pong.number == 1
    ```

    Everything that arrives is recorded at once, in order, and is unread until `expect` or `receive`
    returns it; each looks at the oldest unread message. An ask waits for its answer until the test
    calls `reply` or `fail`, and holds up nothing behind it. Notices of watched actors are kept
    apart from messages, for they overtake them.

    Waiting is done by the running loop's clock, so it costs nothing in virtual time. Expectations
    that are not met raise AssertionError and say what came instead and what else is unread; nothing
    is read by them.

    What is not promised: that something which has not arrived within the time would not have
    arrived after it; in real time, `expect_nothing` can only be as sure as it is slow. Two
    expectations at the same time on one probe share the messages, in no order you should rely on.

    Args:
        system: where the probe lives; it stops with the system.
        name: of the actor; made up when left out.

    Attributes:
        ref: what to give away; it can be watched, asked and stopped like any actor's.
    """

    def __init__(self, system: System, *, name: str | None = None) -> None:
        self._arrivals: list[_Arrival] = []
        self._read = 0  # of them
        self._notices: list[Terminated] = []  # unread
        self._asks: list[DeferredReply] = []  # read and not answered
        self._news = asyncio.Event()
        self.ref: ActorRef[M] = cast(
            "ActorRef[M]", system.spawn(_StandIn, self._arrived, name=name)
        )

    @property
    def messages(self) -> tuple[M, ...]:
        """All messages so far, in the order they arrived, whether read or not."""
        return tuple(each.message for each in self._arrivals)

    @property
    def senders(self) -> tuple[Recipient[Any] | None, ...]:
        """Who sent each of `messages`; None for code outside actors."""
        return tuple(each.sender for each in self._arrivals)

    @property
    def unread(self) -> tuple[M, ...]:
        """The messages that no expectation has returned yet."""
        return self.messages[self._read :]

    # --- what arrives -----------------------------------------------------------------------------

    @overload
    async def expect(self, expected: type[T], within: float = 1.0) -> T: ...
    @overload
    async def expect(self, expected: T, within: float = 1.0) -> T: ...
    async def expect(self, expected: Any, within: float = 1.0) -> Any:
        """Read the next message, which must be what was expected, and return it.

        Args:
            expected: a class, for an instance of it, or a value, for an equal one. Terminated, or
                an instance of it, looks at the notices of watched actors instead.
            within: seconds to wait for it.

        Raises:
            AssertionError: the next message is another, or none came in time.
        """
        wanted = f"an instance of {_name(expected)}" if _is_class(expected) else repr(expected)
        if isinstance(expected, Terminated) or expected is Terminated:
            return await self._notice(lambda notice: _matches(notice, expected), wanted, within)
        if not await self._until(lambda: bool(self.unread), within):
            raise AssertionError(self._missed(wanted, within, "nothing"))
        if not _matches(self.unread[0], expected):
            came = str(self._arrivals[self._read])
            raise AssertionError(self._missed(wanted, within, came, beyond=1))
        return self._take()

    async def receive(self, within: float = 1.0) -> M:
        """Read the next message, whatever it is, and return it.

        Raises:
            AssertionError: none came within `within` seconds.
        """
        if not await self._until(lambda: bool(self.unread), within):
            raise AssertionError(self._missed("a message", within, "nothing"))
        return cast("M", self._take())

    async def expect_nothing(self, within: float = 0.1) -> None:
        """Wait for so many seconds, in which nothing may arrive, and nothing may be unread.

        Raises:
            AssertionError: there is a message or a notice; at once, without waiting on.
        """
        if await self._until(lambda: bool(self.unread or self._notices), within):
            if self.unread:
                came, beyond = str(self._arrivals[self._read]), 1
            else:
                came, beyond = repr(self._notices[0]), 0
            raise AssertionError(self._missed("nothing", within, came, beyond=beyond))

    # --- asks -------------------------------------------------------------------------------------

    def reply(self, value: object) -> None:
        """Answer the ask that was read last; call again to answer the one before it.

        An asker that has given up is not told, as with any actor.

        Raises:
            AssertionError: no ask that was read waits for an answer.
        """
        self._last_ask().send(value)

    def fail(self, error: Exception) -> None:
        """Let the ask that was read last fail, as if the probe's handler had raised `error`.

        The asker gets ActorFailed with `error` as its cause.

        Raises:
            AssertionError: no ask that was read waits for an answer.
        """
        failure = ActorFailed(str(self.ref.path), type(error).__name__, str(error))
        failure.__cause__ = error
        self._last_ask().fail(failure)

    # --- as an actor ------------------------------------------------------------------------------

    def tell(self, target: Recipient[T], message: T) -> None:
        """Tell an actor something so that the probe is its sender.

        The message leaves in the probe's next turn, so after what the test itself tells meanwhile.
        """
        self._do(lambda _: target.tell(message))

    def watch(self, ref: ActorRef[Any]) -> None:
        """Be told when that actor stops, from the probe's next turn on; see `expect_terminated`."""
        self._do(lambda actor: actor.context.watch(ref))

    async def expect_terminated(self, ref: ActorRef[Any], within: float = 1.0) -> Terminated:
        """Return the notice that a watched actor has stopped; those of others stay unread.

        Raises:
            AssertionError: it did not come in time. The actor may be alive, or was not watched.
        """
        return await self._notice(lambda notice: notice.ref == ref, f"Terminated of {ref}", within)

    # ----------------------------------------------------------------------------------------------

    def _arrived(self, arrival: _Arrival) -> None:
        if isinstance(arrival.message, Terminated):
            self._notices.append(arrival.message)
        else:
            self._arrivals.append(arrival)
        self._news.set()

    def _do(self, call: Callable[[Actor], object]) -> None:
        cast("ActorRef[Any]", self.ref).tell(_Do(call))

    def _take(self) -> Any:
        arrival = self._arrivals[self._read]
        self._read += 1
        if arrival.reply is not None:
            self._asks.append(arrival.reply)
        return arrival.message

    def _last_ask(self) -> DeferredReply:
        if self._asks:
            return self._asks.pop()
        told = str(self._arrivals[self._read - 1]) if self._read else "there is none"
        raise AssertionError(
            f"{self.ref} has no ask to answer: read one with `expect` or `receive` first, and "
            f"answer it once. The last message that was read: {told}"
        )

    async def _notice(
        self, matches: Callable[[Terminated], bool], wanted: str, within: float
    ) -> Terminated:
        if not await self._until(lambda: any(map(matches, self._notices)), within):
            raise AssertionError(self._missed(wanted, within, "no such notice"))
        found = next(filter(matches, self._notices))
        self._notices.remove(found)
        return found

    async def _until(self, condition: Callable[[], bool], within: float) -> bool:
        """Wait until the condition holds; return whether it does."""
        try:
            async with asyncio.timeout(within):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        return condition()

    def _missed(self, wanted: str, within: float, came: str, *, beyond: int = 0) -> str:
        unread = [str(each) for each in self._arrivals[self._read + beyond :]]
        read = [str(each) for each in self._arrivals[: self._read]]
        notices = [str(each) for each in self._notices]
        return "\n".join(
            (
                f"{self.ref} expected {wanted} within {within:g} s",
                f"  came: {came}",
                f"  unread besides: {_listed(unread[:_SHOWN], len(unread))}",
                f"  read before: {_listed(read[-_SHOWN:], len(read))}",
                f"  unread notices: {_listed(notices[:_SHOWN], len(notices))}",
            )
        )


def _matches(message: object, expected: Any) -> bool:
    return isinstance(message, expected) if _is_class(expected) else bool(message == expected)


def _is_class(expected: object) -> bool:
    return isinstance(expected, type)


def _name(expected: type[Any]) -> str:
    return expected.__qualname__


def _listed(shown: list[str], count: int) -> str:
    if len(shown) < 2 and count < 2:
        return shown[0] if shown else "none"
    return f"{count}" + "".join(f"\n    {each}" for each in shown)
