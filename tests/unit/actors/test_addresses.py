"""Addresses, and the refs that are made of them on their own node."""

import asyncio
from typing import Any

import pytest
from support.actor_doing import Doer, Log

from callboard import (
    Actor,
    ActorRef,
    ActorStopped,
    ActorSystem,
    DeadLetter,
    MailboxFull,
    MailboxOptions,
    Terminated,
    handler,
)
from callboard.actors import Address


class Echo(Actor):
    """Says what it is told."""

    @handler
    def text(self, message: str) -> str:
        return f"{self.context.path.name}: {message}"


class Watcher(Doer):
    """Watches an address when it starts."""

    def __init__(self, log: Log, address: str) -> None:
        super().__init__(log)
        self.address = address

    async def started(self) -> None:
        self.context.watch(self.context.system.ref(self.address))

    @handler
    def gone(self, message: Terminated) -> None:
        self.log.append((message.ref.address, message.reason))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("callboard://bank/n2/user/desk", Address("bank", "n2", ("desk",), "")),
        ("callboard://bank/user/desk/w1", Address("bank", "", ("desk", "w1"), "")),
        ("callboard://bank/Account/acc-42", Address("bank", "", ("acc-42",), "Account")),
        ("callboard://bank/Account/a%2Fb%20c", Address("bank", "", ("a/b c",), "Account")),
        ("callboard://bank/Account/user", Address("bank", "", ("user",), "Account")),
        ("callboard://bank/a%20node/user/x%20y", Address("bank", "a node", ("x y",), "")),
        ("callboard://bank/singletons/clock", Address("bank", "", ("clock",), "singletons")),
    ],
)
def test_an_address_is_read_and_written_back(text: str, address: Address) -> None:
    """What a path says as text is an address, and the same comes back."""
    assert Address.parse(text) == address
    assert str(address.path) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bank/user/x",
        "http://bank/user/x",
        "callboard://",
        "callboard://bank",
        "callboard://bank/user",
        "callboard://bank/user/",
        "callboard://bank//user/x",
        "callboard:///n2/user/x",
        "callboard://bank/n2/other/x",
        7,
    ],
)
def test_what_is_no_address_is_refused(text: Any) -> None:
    """The sentence says what was given, and what one looks like."""
    with pytest.raises(ValueError, match="expected callboard://SYSTEM/NODE/user/NAME") as raised:
        Address.parse(text)
    assert repr(text) in str(raised.value)


@pytest.mark.parametrize("name", ["", "user", "singletons"])
def test_a_node_is_not_called_what_means_something_else(name: str) -> None:
    """Its name is part of addresses."""
    with pytest.raises(ValueError, match="cannot name a node"):
        ActorSystem("t", node=name)


def test_a_ref_of_this_node_names_a_place(virtually: Any) -> None:
    """Whoever is there when the message comes gets it; it equals the ref that `spawn` gave."""

    async def main() -> None:
        async with ActorSystem("t", node="n1") as system:
            named = system.ref("callboard://t/n1/user/echo")
            with pytest.raises(ActorStopped):
                await named.ask("early", timeout=1.0)
            first = system.spawn(Echo, name="echo")
            assert first.address == named.address == "callboard://t/n1/user/echo"
            assert named == first
            assert system.ref("callboard://t/user/echo") == first
            assert await named.ask("a", timeout=1.0) == "echo: a"
            system.kill(first)
            await asyncio.sleep(1)
            system.spawn(Echo, name="echo")
            assert await named.ask("b", timeout=1.0, reply_type=str) == "echo: b"
            with pytest.raises(ActorStopped):
                await first.ask("the one before", timeout=1.0)
            await named.send("c")

    virtually(main())


def test_what_is_told_to_nobody_is_a_dead_letter(virtually: Any) -> None:
    """With the name it was for."""
    letters: list[DeadLetter] = []

    async def main() -> None:
        async with ActorSystem("t", node="n1") as system:
            system.events.subscribe(DeadLetter, letters.append)
            nobody = system.ref("callboard://t/user/desk/w%201")
            nobody.tell("x")
            with pytest.raises(ActorStopped):
                await nobody.send("y")
            assert isinstance(nobody, ActorRef)
            assert system.mailbox(nobody).waiting == 0
            system.stop(nobody)
            system.kill(nobody)

    virtually(main())
    assert [(each.message, str(each.recipient)) for each in letters] == [
        ("x", "callboard://t/user/desk/w%201")
    ]


def test_a_name_is_watched_as_who_has_it(virtually: Any) -> None:
    """With nobody there the notice comes at once; `unwatch` by name takes it back."""
    log: Log = []

    async def main() -> None:
        async with ActorSystem("t", node="n1") as system:
            system.spawn(Watcher, log, "callboard://t/user/nobody")
            target = system.spawn(Echo, name="echo")
            system.spawn(Watcher, log, target.address)
            fickle = system.spawn(Watcher, log, target.address, name="fickle")
            await asyncio.sleep(1)
            await fickle.ask(_unwatch(target.address), timeout=1.0)
            system.kill(target)
            await asyncio.sleep(1)

    virtually(main())
    assert log == [
        ("callboard://t/n1/user/nobody", "stopped"),
        ("callboard://t/n1/user/echo", "killed"),
    ]


def _unwatch(address: str) -> Any:
    def act(me: Any) -> None:
        me.context.unwatch(me.context.system.ref(address))

    return act


def test_the_bound_of_a_mailbox_holds_for_names_too(virtually: Any) -> None:
    """A full mailbox refuses what comes through a name as it refuses all."""

    async def main() -> None:
        async with ActorSystem("t", node="n1") as system:
            system.spawn(Echo, name="echo", mailbox=MailboxOptions(1, overflow="fail"))
            named = system.ref("callboard://t/user/echo")
            named.tell("a")
            with pytest.raises(MailboxFull):
                named.tell("b")

    virtually(main())


def test_an_address_of_another_system_is_refused(virtually: Any) -> None:
    """Systems reach each other through topics."""

    async def main() -> None:
        async with ActorSystem("t") as system:
            with pytest.raises(ValueError, match="an address of the system 'bank'"):
                system.ref("callboard://bank/user/x")

    virtually(main())
