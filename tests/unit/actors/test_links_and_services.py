"""Actors that die together, and actors that are found by what they do."""

import asyncio
from typing import Any

import pytest
from support.actor_doing import Doer, Log, do, fail, lenient
from support.actor_lives import within

from callboard import (
    ActorRef,
    ActorSystem,
    Listing,
    MailboxOptions,
    NameTaken,
    ServiceKey,
    Terminated,
    handler,
)
from callboard.actors import Receptionist
from callboard.supervision import Backoff, Directive, OneForOne, child


class Watcher(Doer):
    """Records who terminated, and why."""

    @handler
    def gone(self, message: Terminated) -> None:
        self.log.append((message.ref.path.name, message.reason))


async def watched(system: ActorSystem, log: Log, *refs: ActorRef[Any]) -> None:
    """Record the ends of some actors."""
    watcher = system.spawn(Watcher, log)
    for ref in refs:
        await within(watcher, lambda me, one=ref: me.context.watch(one))  # type: ignore[misc]


async def link(one: ActorRef[Any], other: ActorRef[Any]) -> None:
    """Have one actor link itself to another."""
    await within(one, lambda me: me.context.link(other))


def spawned(system: ActorSystem, count: int) -> list[ActorRef[Any]]:
    """Return some actors called a, b, c."""
    return [system.spawn(Doer, name="abc"[number]) for number in range(count)]


@pytest.mark.parametrize("first", [0, 1])
def test_a_killed_partner_takes_the_other_along(virtually: Any, first: int) -> None:
    """Either of the two, whichever made the link; the other stops, after its message in hand."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            pair = spawned(system, 2)
            await link(*pair)
            await watched(system, log, *pair)
            system.kill(pair[first])
            await asyncio.sleep(1)

    virtually(main())
    dead, other = "ab"[first], "ab"[1 - first]
    assert log == [(dead, "killed"), (other, f"linked: callboard://t/user/{dead} killed")]


def test_a_failed_partner_takes_the_other_along(virtually: Any) -> None:
    """An end by a failure is one; a restart is none."""
    log: Log = []
    picky = OneForOne(
        backoff=Backoff(0.0, 0.0), decider={ValueError: Directive.STOP, KeyError: Directive.RESUME}
    )

    def crash(error: type[Exception]) -> Any:
        def call(me: Doer) -> None:
            raise error

        return call

    async def main() -> None:
        async with ActorSystem("t", supervision=picky) as system:
            a, b = spawned(system, 2)
            await link(a, b)
            await watched(system, log, a, b)
            do(a, fail)
            do(a, crash(KeyError))
            await asyncio.sleep(1)
            assert await b.ask("alive", timeout=1.0) == "alive"
            assert log == []
            do(a, crash(ValueError))
            await asyncio.sleep(1)

    virtually(main())
    assert log == [
        ("a", "failed: ValueError: "),
        ("b", f"linked: callboard://t/user/a {log[0][1]}"),
    ]


def test_an_end_in_good_order_leaves_the_other_alone(virtually: Any) -> None:
    """A partner that was stopped, or stopped itself, takes nobody along."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            a, b, c = spawned(system, 3)
            await link(a, b)
            await link(b, c)
            system.stop(a)
            await within(c, lambda me: me.context.stop())
            await asyncio.sleep(1)
            assert await b.ask("alive", timeout=1.0) == "alive"
            assert system.statistics().actors == 1

    virtually(main())


@pytest.mark.parametrize("first", [0, 1])
def test_a_link_is_taken_back_for_both(virtually: Any, first: int) -> None:
    """After `unlink` by either, neither takes the other along; once too often does no harm."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            pair = spawned(system, 2)
            await link(*pair)
            await link(pair[1], pair[0])
            for _ in range(2):
                await within(pair[first], lambda me: me.context.unlink(pair[1 - first]))
            system.kill(pair[0])
            await asyncio.sleep(1)
            assert await pair[1].ask("alive", timeout=1.0) == "alive"

    virtually(main())


def test_linking_to_the_dead_depends_on_how_it_died(virtually: Any) -> None:
    """To one that was killed: stop at once. To one that stopped in good order: nothing."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            a, b, c = spawned(system, 3)
            await watched(system, log, c)
            system.stop(a)
            system.kill(b)
            await asyncio.sleep(1)
            await link(c, a)
            assert await c.ask("alive", timeout=1.0) == "alive"
            await link(c, b)
            await asyncio.sleep(1)

    virtually(main())
    assert log == [("c", "linked: callboard://t/user/b killed")]


def test_a_link_to_oneself_means_nothing(virtually: Any) -> None:
    """An actor linked to itself lives and dies as ever."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            (a,) = spawned(system, 1)
            await link(a, a)
            system.kill(a)
            await asyncio.sleep(1)
            assert system.statistics().actors == 0

    virtually(main())


@pytest.mark.parametrize("ring", [False, True])
def test_ends_go_from_link_to_link(virtually: Any, ring: bool) -> None:
    """Three in a row, or in a ring: all stop, and each knows who was the first."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            refs = spawned(system, 3)
            await link(refs[0], refs[1])
            await link(refs[1], refs[2])
            if ring:
                await link(refs[2], refs[0])
            await watched(system, log, *refs)
            system.kill(refs[0])
            await asyncio.sleep(1)

    virtually(main())
    reason = "linked: callboard://t/user/a killed"
    assert sorted(log) == [("a", "killed"), ("b", reason), ("c", reason)]


def test_a_linked_child_is_wanted_back_as_its_spec_says(virtually: Any) -> None:
    """A transient child that was taken along is started again, without the link."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            a = system.spawn(Doer)
            b = system.spawn(child(Doer, name="b", restart="transient"))
            await asyncio.sleep(0)
            await link(b, a)
            system.kill(a)
            assert await b.ask("again", timeout=9.0) == "again"
            assert system.statistics().restarts == 1

    virtually(main())


# --- the receptionist -----------------------------------------------------------------------------

PRICING: ServiceKey[str] = ServiceKey("pricing")


class Provider(Doer):
    """Registers itself when it starts."""

    def __init__(self, *, unique: bool = False) -> None:
        super().__init__()
        self.unique = unique

    async def started(self) -> None:
        context = self.context
        context.system.receptionist.register(PRICING, context.self_ref, unique=self.unique)


class Listener(Doer):
    """Records who provides the service."""

    async def started(self) -> None:
        self.context.system.receptionist.subscribe(PRICING, self.context.self_ref)

    @handler
    def listing(self, message: Listing) -> None:  # type: ignore[type-arg]
        assert message.key == PRICING
        self.log.append([ref.path.name for ref in message.refs])


def names(receptionist: Receptionist) -> list[str]:
    """Return the names of the providers."""
    return [ref.path.name for ref in receptionist.find(PRICING)]


def test_providers_are_found_in_the_order_they_registered(virtually: Any) -> None:
    """By a key of equal name; registered twice counts once; who is taken off is not found."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = system.receptionist
            assert desk.find(PRICING) == ()
            assert desk.keys() == ()
            refs = spawned(system, 3)
            for ref in (*refs, *refs):
                desk.register(PRICING, ref)
            assert desk.find(ServiceKey[str]("pricing")) == tuple(refs)
            assert desk.keys() == (PRICING,)
            desk.deregister(PRICING, refs[1])
            desk.deregister(PRICING, refs[1])
            desk.deregister(ServiceKey("other"), refs[0])
            assert names(desk) == ["a", "c"]

    virtually(main())


def test_subscribers_are_told_at_first_and_at_each_change(virtually: Any) -> None:
    """Coming, going and dying are changes; registering again is none; unsubscribing ends it."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = system.receptionist
            a, b, c = spawned(system, 3)
            desk.register(PRICING, a)
            listener = system.spawn(Listener, log)
            await within(listener, lambda me: None)
            desk.register(PRICING, a)
            desk.register(PRICING, b)
            desk.deregister(PRICING, a)
            system.kill(b)
            await within(listener, lambda me: None)
            await asyncio.sleep(0)
            await within(listener, lambda me: None)
            assert log == [["a"], ["a", "b"], ["b"], []]
            other = system.spawn(Doer)
            unsubscribe = desk.subscribe(PRICING, other)
            unsubscribe()
            unsubscribe()
            desk.register(PRICING, c)
            await within(listener, lambda me: None)
            assert log[-1] == ["c"]
            assert system.statistics().dead_letters == 1  # the Listing at first, which it ignores

    virtually(main())


def test_a_subscriber_that_is_full_or_gone_harms_nobody(virtually: Any, logged: list[Any]) -> None:
    """The others are told all the same; one that stopped is forgotten."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = system.receptionist
            full = system.spawn(Doer, mailbox=MailboxOptions(1, overflow="fail"))
            full.tell(5.0)
            gone = system.spawn(Listener, [])
            await asyncio.sleep(0)
            desk.subscribe(PRICING, full)
            system.spawn(Listener, log)
            system.kill(gone)
            await asyncio.sleep(1)
            desk.register(PRICING, full)
            await asyncio.sleep(1)
            # Of the Listings only the one at first found a place in its mailbox.
            assert system.mailbox(full).waiting == 1

    virtually(main())
    assert log == [[], ["$1"]]
    assert [line["event"] for line in logged].count("a subscriber did not take a listing") == 1


def test_a_restart_keeps_a_provider_and_an_end_takes_it_off(virtually: Any) -> None:
    """The ref stays the same through restarts, so it stays registered, once."""

    async def main() -> None:
        async with lenient() as system:
            provider = system.spawn(Provider, unique=True, name="p")
            do(provider, fail)
            await within(provider, lambda me: None)
            assert names(system.receptionist) == ["p"]
            system.stop(provider)
            await asyncio.sleep(1)
            assert names(system.receptionist) == []
            assert system.receptionist.keys() == ()

    virtually(main())


def test_a_unique_service_has_one_provider(virtually: Any) -> None:
    """A second one is refused while the first lives; the error names it and the service."""

    async def main() -> None:
        async with lenient() as system:
            desk = system.receptionist
            a, b = spawned(system, 2)
            desk.register(PRICING, a, unique=True)
            desk.register(PRICING, a, unique=True)
            with pytest.raises(NameTaken, match=r"user/a, which has the service 'pricing'"):
                desk.register(PRICING, b, unique=True)
            desk.deregister(PRICING, a)
            desk.register(PRICING, b, unique=True)
            assert names(desk) == ["b"]

    virtually(main())


def test_the_next_of_a_name_is_another_actor(virtually: Any) -> None:
    """Spawned again under the same name, it is not registered until it says so itself."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            desk = system.receptionist
            (first,) = spawned(system, 1)
            desk.register(PRICING, first)
            system.kill(first)
            await asyncio.sleep(1)
            (second,) = spawned(system, 1)
            assert second == first
            assert names(desk) == []
            desk.register(PRICING, second, unique=True)
            desk.deregister(PRICING, first)
            assert names(desk) == ["a"]

    virtually(main())


def test_who_is_told_of_an_end_finds_the_place_free(virtually: Any) -> None:
    """A supervisor that replaces a unique provider on its Terminated is not refused."""
    log: Log = []

    class Replacing(Watcher):
        async def started(self) -> None:
            self.context.watch(self.context.spawn(Provider, unique=True, name="p"))

        @handler
        def gone(self, message: Terminated) -> None:
            self.log.append(names(self.context.system.receptionist))
            self.context.watch(self.context.spawn(Provider, unique=True, name="p"))

    async def main() -> None:
        async with ActorSystem("t") as system:
            boss = system.spawn(Replacing, log)
            await within(boss, lambda me: None)
            for _ in range(3):
                await within(boss, lambda me: me.context.kill(me.context.children[0]))
                await asyncio.sleep(1)
            assert names(system.receptionist) == ["p"]
            assert system.statistics().failures == 0

    virtually(main())
    assert log == [[], [], []]
