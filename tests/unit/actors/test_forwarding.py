"""Messages that are passed on, and what becomes of their askers."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from support.actor_doing import Doer, Log, do, lenient, now
from support.actor_lives import within

from callboard import (
    ActorFailed,
    ActorRef,
    ActorStopped,
    ActorSystem,
    AskTimeout,
    DeadLetter,
    Entity,
    EntityRef,
    MailboxFull,
    MailboxOptions,
    Pool,
    Router,
    handler,
)
from callboard.actors import ActorSystem as CoreSystem
from callboard.actors import Address, Transport
from callboard.supervision import child


class Teller(Doer):
    """Answers a text with it, its own name and the sender's."""

    @handler
    def text(self, message: str) -> Any:
        self.log.append(message)
        return (message, self.context.path.name, self.context.sender)


class Passer(Doer):
    """Passes texts on, and returns something that is no answer."""

    def __init__(self, to: Any, *, instead: str | None = None) -> None:
        super().__init__()
        self.to, self.instead = to, instead

    @handler
    def text(self, message: str) -> str:
        if self.instead is None:
            self.context.forward(self.to)
        else:
            self.context.forward(self.to, self.instead)
        return "no answer"


class Waiter(Passer):
    """Passes texts on when there is room."""

    @handler
    async def text(self, message: str) -> str:  # type: ignore[override] # async, as a handler may
        await self.context.forward_when_room(self.to)
        return "no answer"


def test_the_last_one_answers_as_if_it_had_been_asked(virtually: Any) -> None:
    """Over two hops sender and asker stay those of the first, from inside and outside."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            last = system.spawn(Teller, name="last")
            first = system.spawn(Passer, system.spawn(Passer, last, instead="changed"))
            asker = system.spawn(Doer)
            assert await first.ask("x", timeout=1.0) == ("changed", "last", None)
            answer = await within(asker, lambda me: first.ask("x", timeout=1.0))
            assert answer == ("changed", "last", asker)
            assert system.statistics().late_replies == 0

    virtually(main())


def test_a_told_message_is_passed_on_too(virtually: Any) -> None:
    """Without an asker the last one's answer is nobody's, and its sender is still the first."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            first = system.spawn(Passer, system.spawn(Teller, log))
            first.tell("told")
            await within(first, lambda me: None)

    virtually(main())
    assert log == ["told"]


def test_through_a_router_and_a_pool_the_worker_answers(virtually: Any) -> None:
    """Router and pool are two hops more; all workers have their turn."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            pool = system.spawn(Pool, child(Teller, name="w"), 3, name="pool")
            first = system.spawn(Passer, system.spawn(Router, [pool]))
            asker = system.spawn(Doer)
            answers = [
                await within(asker, lambda me: first.ask("x", timeout=1.0)) for _ in range(6)
            ]
            assert answers == [("x", f"w-{number}", asker) for number in (1, 2, 3) * 2]

    virtually(main())


def test_the_end_and_the_crash_of_the_last_one_reach_the_asker(virtually: Any) -> None:
    """ActorStopped and ActorFailed come from who had the message, at once."""

    async def main() -> None:
        async with lenient() as system:
            last = system.spawn(Doer, name="last")
            first = system.spawn(Doer)

            def crash(me: Doer) -> None:
                me.context.forward(last, 1)  # what it has no handler for

            with pytest.raises(ActorFailed) as caught:
                await within(first, crash)
            assert caught.value.target == "callboard://t/user/last"
            system.stop(last)
            with pytest.raises(ActorStopped, match="user/last"):
                await within(first, lambda me: me.context.forward(last))
            assert now() == 0.0

    virtually(main())


class Silent:
    """An entity port that records what it is told."""

    def __init__(self) -> None:
        self.told: Log = []

    def tell(self, ref: EntityRef[Any], message: object) -> None:
        self.told.append((ref.id, message))

    async def send(self, ref: EntityRef[Any], message: object) -> None: ...

    async def send_all(self, messages: Sequence[tuple[EntityRef[Any], object]]) -> None: ...

    async def ask(self, ref: EntityRef[Any], message: object, timeout: float) -> Any: ...  # noqa: ASYNC109 - the port's

    async def start(self) -> None: ...

    def entity(self, kind: type[Entity], id: str) -> EntityRef[Any]:
        return EntityRef("t", kind.kind(), id, self)

    def ref(self, address: Address) -> EntityRef[Any]:
        raise LookupError(address)

    async def aclose(self) -> None: ...


class Account(Entity):
    @handler
    def text(self, message: str) -> None: ...


def test_an_ask_cannot_be_forwarded_to_an_entity(virtually: Any) -> None:
    """The TypeError says what to write; the asker learns it. A tell goes on as a tell."""
    port = Silent()

    class System(CoreSystem):
        def _create_transport(self) -> Transport:
            return port

        def default_supervision(self) -> Any:
            return Doer.supervision

    async def main() -> None:
        async with System("t") as system:
            account = system.entity(Account, "a1")
            first = system.spawn(Passer, account)
            with pytest.raises(
                ActorFailed, match=r"cannot forward an ask to .*Account/a1"
            ) as error:
                await first.ask("asked", timeout=1.0)
            assert isinstance(error.value.__cause__, TypeError)
            first.tell("told")
            system.spawn(Passer, account, instead="changed").tell("told")
            await within(first, lambda me: None)

    virtually(main())
    assert sorted(port.told) == [("a1", "changed"), ("a1", "told")]


def test_only_refs_are_forwarded_to(virtually: Any) -> None:
    """An actor's class, or None, is refused, and the asker learns it."""

    async def main() -> None:
        async with lenient() as system:
            first = system.spawn(Doer)
            for wrong in (None, "x", Doer):

                def attempt(me: Doer, wrong: Any = wrong) -> None:
                    me.context.forward(wrong)

                with pytest.raises(ActorFailed, match="is no ref"):
                    await within(first, attempt)

    virtually(main())


async def clogged(system: CoreSystem, overflow: Any, seconds: float = 5.0) -> ActorRef[Any]:
    """Return an actor with a message in hand for some seconds and a full mailbox."""
    full = system.spawn(Teller, name="full", mailbox=MailboxOptions(1, overflow=overflow))
    full.tell(seconds)
    while system.mailbox(full).waiting:
        await asyncio.sleep(0)
    full.tell("fills it")
    return full


@pytest.mark.parametrize("overflow", ["fail", "drop_newest"])
def test_an_asker_is_told_that_there_was_no_room(virtually: Any, overflow: Any) -> None:
    """A full mailbox that does not wait ends a forwarded ask at once."""

    async def main() -> None:
        async with lenient() as system:
            first = system.spawn(Passer, await clogged(system, overflow))
            with pytest.raises((ActorFailed, MailboxFull), match="holds 1 messages and is full"):
                await first.ask("x", timeout=60.0)
            assert now() == 0.0

    virtually(main())


def test_what_could_not_be_forwarded_is_answered_as_ever(virtually: Any) -> None:
    """A handler that catches the error may answer itself."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            full = await clogged(system, "fail")

            def attempt(me: Doer) -> str:
                with pytest.raises(MailboxFull):
                    me.context.forward(full)
                return "come again"

            answer = await asyncio.wait_for(within(system.spawn(Doer), attempt), 60.0)
            assert answer == "come again"

    virtually(main())


def test_forward_when_room_waits(virtually: Any) -> None:
    """The passer waits with its mail; the message is handled and answered by the last one."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            first = system.spawn(Waiter, await clogged(system, "wait"))
            ask = asyncio.ensure_future(first.ask("x", timeout=60.0))
            after = asyncio.ensure_future(within(first, lambda me: None))
            await asyncio.sleep(4)
            assert not ask.done()
            assert not after.done()
            assert await ask == ("x", "full", None)
            await after
            assert now() == 5.0

    virtually(main())


def test_a_passer_goes_on_when_its_asker_has_given_up(virtually: Any) -> None:
    """A forwarded ask that times out while it waits for room does not hold the passer."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            first = system.spawn(Waiter, await clogged(system, "wait"))
            with pytest.raises(AskTimeout):
                await first.ask("x", timeout=1.0)
            await within(first, lambda me: None)
            assert now() == 5.0

    virtually(main())


def test_the_end_of_the_last_one_frees_passer_and_asker(virtually: Any) -> None:
    """Killed while one waits for its room: the passer fails, and the asker learns it."""

    async def main() -> None:
        async with lenient() as system:
            full = await clogged(system, "wait")
            first = system.spawn(Waiter, full)
            ask = asyncio.ensure_future(first.ask("x", timeout=60.0))
            await asyncio.sleep(1)
            system.kill(full)
            with pytest.raises(ActorFailed) as caught:
                await ask
            assert isinstance(caught.value.__cause__, ActorStopped)
            with pytest.raises(ActorFailed):
                await first.ask("x", timeout=60.0)
            assert now() == 1.0

    virtually(main())


def test_a_killed_passer_leaves_no_asker_behind(virtually: Any) -> None:
    """Killed while it waits for room: the asker learns it, and the message is not sent."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            full = await clogged(system, "wait")
            await asyncio.sleep(0)
            first = system.spawn(Waiter, full)
            ask = asyncio.ensure_future(first.ask("x", timeout=60.0))
            await asyncio.sleep(1)
            system.kill(first)
            with pytest.raises(ActorStopped):
                await ask
            assert now() == 1.0
            log.extend(await within(full, lambda me: me.log))

    virtually(main())
    assert log == ["fills it"]


def test_a_router_whose_routee_dies_answers_the_asker(virtually: Any) -> None:
    """A router that waits for room of one that is then killed raises ActorStopped at once."""
    dead: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            system.events.subscribe(DeadLetter, dead.append)
            full = await clogged(system, "wait")
            router = system.spawn(Router, [full], wait=True)
            ask = asyncio.ensure_future(router.ask("asked", timeout=60.0))
            await asyncio.sleep(1)
            do(router, lambda me: None)
            system.kill(full)
            with pytest.raises(ActorStopped):
                await ask
            assert now() == 1.0

    virtually(main())
    assert "asked" not in [letter.message for letter in dead]
