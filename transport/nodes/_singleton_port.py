"""The ref of a singleton: it leads to wherever that runs."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn

from ...actors import (
    CURRENT,
    ActorPath,
    ActorPort,
    ActorRef,
    ActorSystem,
    Envelope,
    IndirectPort,
    MailboxFull,
    MailboxStatistics,
    ServiceKey,
    Terminated,
    TransportClosed,
    TransportUnavailable,
    Watchable,
    Watcher,
    port_of,
)

_MAX_HELD = 1_000
# Seconds that a `send` waits for somebody to run it.
_PATIENCE = 30.0


class SingletonPort(IndirectPort):
    """Implements `ActorPort` for a singleton.

    While nobody runs it, messages wait here, up to 1,000; one more is a dead letter.
    """

    __slots__ = ("_held", "_key", "_system", "_there")

    def __init__(self, system: ActorSystem, path: ActorPath, key: ServiceKey[Any]) -> None:
        super().__init__(path, system.deadlines)
        self._system = system
        self._key = key
        self._held: deque[Envelope] = deque()
        self._there = asyncio.Event()

    def look(self) -> None:
        """Let go what waited, if somebody runs it now."""
        port = self._now()
        if port is None:
            self._there.clear()
            return
        self._there.set()
        while self._held:
            envelope = self._held.popleft()
            if envelope[2] is None or not envelope[2].done():
                port.take_in(envelope)

    def close(self) -> None:
        """Give up what waits."""
        while self._held:
            message, sender, reply = self._held.popleft()
            why = "the system stopped before anybody ran it"
            if reply is None:
                self._system.dead_letter(message, self._path, sender, why)
            elif not reply.done():
                reply.set_exception(TransportClosed(why))

    def asked_by(self, asker: object, reply: "asyncio.Future[Any]") -> Callable[[], object] | None:
        """Note who waits for an answer, if it runs here."""
        port = self._now()
        return None if port is None else port.asked_by(asker, reply)

    def deliver(
        self, message: Any, reply: "asyncio.Future[Any] | None", timeout: float | None = None
    ) -> None:
        """Give it a message."""
        port = self._now()
        if port is not None and not self._held:
            port.deliver(message, reply, timeout)
        else:
            self.take_in((message, CURRENT.get(), reply))

    def take_in(self, envelope: Envelope) -> None:
        """Give it an envelope, now or when somebody runs it."""
        if len(self._held) < _MAX_HELD:
            self._held.append(envelope)
            self.look()
            return
        message, sender, reply = envelope
        if reply is None:
            why = f"{_MAX_HELD:,} messages wait already for somebody to run it"
            self._system.dead_letter(message, self._path, sender, why)
        elif not reply.done():
            reply.set_exception(MailboxFull(self.address, _MAX_HELD))

    async def accept(self, message: Any) -> None:
        """Give it a message, waiting until somebody runs it."""
        await self.accept_envelope((message, CURRENT.get(), None))

    async def accept_envelope(self, envelope: Envelope) -> None:
        """Give it an envelope, waiting until somebody runs it."""
        self.look()
        try:
            async with asyncio.timeout(_PATIENCE):
                while (port := self._now()) is None:
                    await self._there.wait()
        except TimeoutError:
            raise TransportUnavailable(
                f"nobody has run {self._path} for {_PATIENCE:g} s; declare it with "
                "system.singleton(...) on the nodes that may"
            ) from None
        await port.accept_envelope(envelope)

    def statistics(self) -> MailboxStatistics:
        """Return how many messages wait here for somebody to run it."""
        return MailboxStatistics(len(self._held), _MAX_HELD, senders=0, dropped=0)

    def watched_by(self, watcher: Watcher, ref: ActorRef[Any]) -> None:
        """Watch the one that runs now; with none, tell at once."""
        port = self._now()
        if isinstance(port, Watchable):
            port.watched_by(_Through(self, watcher, ref), ref)
        else:
            watcher.notice(self, Terminated(ref, "stopped"))

    def unwatched_by(self, watcher: Watcher) -> None:
        """Nothing: the watcher takes no notice any more."""
        del watcher

    def when_gone(self, call: Callable[[], None]) -> None:
        """Refuse: what runs it may change."""
        del call
        self._refuse("be registered: its address is known everywhere")

    def stop(self, reason: str = "stopped", *, final: bool = False) -> None:
        """Refuse."""
        del reason, final
        self._refuse("be stopped: it runs while a node that declares it does")

    def kill(self, *, final: bool = False) -> None:
        """Refuse."""
        del final
        self._refuse("be killed: it runs while a node that declares it does")

    def _now(self) -> ActorPort | None:
        refs = self._system.receptionist.find(self._key)
        return port_of(refs[0]) if refs else None

    def _refuse(self, what: str) -> NoReturn:
        raise TypeError(f"{self._path} is a singleton and cannot {what}")


class _Through:
    """Tells of a singleton what happens to the actor that is it at the moment."""

    def __init__(self, port: SingletonPort, watcher: Watcher, ref: ActorRef[Any]) -> None:
        self._port = port
        self._watcher = watcher
        self._ref = ref

    def notice(self, target: Watchable, notice: Terminated) -> None:
        """Tell the watcher."""
        del target
        said = Terminated(self._ref, notice.reason, notice.node_down)
        self._watcher.notice(self._port, said)
