"""The three verbs of an entity's reference, over the log."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ..actors import (
    ActorSystem,
    AskTimeout,
    EntityRef,
    TransportError,
    current_sender,
)
from ._gate import Gate
from ._mailboxes import Mailboxes
from ._outbound import ClientSender
from .delivery import (
    Codec,
    Header,
    Outbound,
    hold_back,
    message_headers,
    node_source,
    source_now,
)
from .nodes import Make, Replies

_MAX_HELD = 10_000


class EntityVerbs:
    """Implements `EntityPort`: tell, send and ask become mailbox records.

    Inside an entity's handler, `tell` and `send` are held back until the
    handler has succeeded, with ids that handling the message again repeats;
    `await send` then returns at once. `ask` always leaves at once, since its
    answer is needed before the handler can end: when the handler is retried,
    so is the question.
    """

    def __init__(
        self,
        system: ActorSystem,
        codec: Codec,
        sender: ClientSender,
        replies: Replies,
        *,
        mailboxes: Mailboxes,
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self._system = system
        self._codec = codec
        self._sender = sender
        self._replies = replies
        self._mailboxes = mailboxes
        self._gate = Gate(ready)
        self._reached: set[str] = set()
        self._held: dict[str, list[tuple[EntityRef[Any], object, Make]]] = {}
        self._source = node_source(system)

    def tell(self, ref: EntityRef[Any], message: object) -> None:
        """Send without waiting; see `EntityRef.tell`."""
        build = self._record(ref, message)
        if hold_back(build):
            return
        if ref.kind in self._reached:
            self._post(ref, message, build)
            return
        held = self._held.setdefault(ref.kind, [])
        if len(held) < _MAX_HELD:
            held.append((ref, message, build))
        else:
            why = f"{_MAX_HELD:,} messages wait for the transport to start already"
            self._system.dead_letter(message, ref.path, current_sender(), why)

    def reached(self, kind: str) -> None:
        """Learn that a kind's topics exist, and let go what waited for it.

        Until then nothing may be written: a broker that creates topics when
        they are first named would make them with another number of partitions.
        """
        self._reached.add(kind)
        for ref, message, build in self._held.pop(kind, ()):
            self._post(ref, message, build)

    def _post(self, ref: EntityRef[Any], message: object, build: Make) -> None:
        try:
            self._sender.post(build)
        except TransportError as error:
            self._system.dead_letter(message, ref.path, current_sender(), str(error))

    def drop_held(self) -> None:
        """Report what never left as dead letters: the transport closes."""
        for held in self._held.values():
            for ref, message, _ in held:
                self._system.dead_letter(
                    message, ref.path, None, "the transport closed before it was reached"
                )
        self._held.clear()

    async def send(self, ref: EntityRef[Any], message: object) -> None:
        """Send, and wait until the log has it; see `EntityRef.send`."""
        build = self._record(ref, message)
        if hold_back(build):
            return
        await self._gate.enter(is_open=ref.kind in self._reached)
        await self._sender.send(build)

    async def send_all(self, messages: Sequence[tuple[EntityRef[Any], object]]) -> None:
        """Send many, and wait until the log has all; see `callboard.send_all`."""
        builds = [self._record(ref, message) for ref, message in messages]
        if hold_back(*builds):
            return
        await self._gate.enter(is_open=all(ref.kind in self._reached for ref, _ in messages))
        await self._sender.send_all(builds)

    async def ask(self, ref: EntityRef[Any], message: object, timeout: float) -> Any:  # noqa: ASYNC109 the contract's own name
        """Send, and wait for the answer; see `EntityRef.ask`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        try:
            async with asyncio.timeout(timeout):
                await self._gate.enter(is_open=ref.kind in self._reached)
                answer = loop.create_future()
                headers = self._replies.expect(answer)
                await self._sender.send(self._record(ref, message, headers))
        except TimeoutError as error:
            raise self._late(ref, message, timeout) from error
        self._system.deadlines.add(
            answer,
            max(0.0, deadline - loop.time()),
            lambda: self._late(ref, message, timeout),
        )
        return await answer

    def _late(self, ref: EntityRef[Any], message: object, seconds: float) -> AskTimeout:
        return AskTimeout(str(ref.path), type(message).__qualname__, seconds)

    def _record(
        self, ref: EntityRef[Any], message: object, extra: list[Header] | None = None
    ) -> Make:
        kind, value = self._codec.encode(message)
        to, key = self._mailboxes.place(ref.kind, ref.id)
        source = source_now(self._source)

        def build(message_id: str) -> Outbound:
            headers = message_headers(kind, source, message_id)
            if extra:
                headers.extend(extra)
            return Outbound(to, key, value, headers)

        return build
