"""What a running node does for its publishers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..actors import ActorPath, ActorSystem, TransportError, current_sender
from ._gate import Gate
from ._outbound import ClientSender
from .delivery import (
    ANY,
    LogPort,
    Outbound,
    TopicPartition,
    batch_time,
    hold_back,
    message_headers,
    node_source,
    source_now,
)
from .nodes import Make
from .publishers import Letter, PublisherStatistics

_MAX_HELD = 10_000


@dataclass(slots=True)
class _Way:
    """The way to one topic.

    Each has a sender of its own: a topic that takes nothing holds up no other.
    """

    sender: ClientSender
    open: bool = False
    published: int = 0
    dropped: int = 0
    held: list[tuple[Letter, Make]] = field(default_factory=list[tuple[Letter, Make]])


class Publishing:
    """Implements `PublisherPort` over a log.

    Args:
        system: The node.
        run: This run of the node, as a source of messages.
        ready: Returns when the topics of all publishers are there.
    """

    def __init__(self, system: ActorSystem, run: str, ready: Callable[[], Awaitable[None]]) -> None:
        self._system = system
        self._run = run
        self._gate = Gate(ready)
        self._ways: dict[str, _Way] = {}
        self._source = node_source(system)

    def opened(self, topic: str, port: LogPort) -> None:
        """Learn that a topic is there, and let go what waited for it."""
        way = self._way(topic)
        if way.open:
            return
        way.open = True
        way.sender.start(port)
        held, way.held = way.held, []
        for letter, make in held:
            self._post(way, letter, make)

    def is_open(self, topic: str) -> bool:
        """Tell whether messages for a topic can be written."""
        way = self._ways.get(topic)
        return way is not None and way.open

    def tell(self, letter: Letter) -> None:
        """See `Publisher.tell`."""
        way = self._way(letter.topic)
        way.published += 1
        make = self._make(letter)
        if hold_back(make):
            return
        if way.open:
            self._post(way, letter, make)
        elif len(way.held) < _MAX_HELD:
            way.held.append((letter, make))
        else:
            why = f"{_MAX_HELD:,} messages wait for the transport to start already"
            self._drop(way, letter, why)

    async def send_all(self, letters: list[Letter]) -> None:
        """See `Publisher.send_all`; they are for one topic."""
        if not letters:
            return
        way = self._way(letters[0].topic)
        way.published += len(letters)
        makes = [self._make(letter) for letter in letters]
        if hold_back(*makes):
            return
        await self._gate.enter(is_open=way.open)
        if len(makes) == 1:
            await way.sender.send(makes[0])
        else:
            await way.sender.send_all(makes)

    def statistics(self, topic: str) -> PublisherStatistics:
        """See `Publisher.statistics`."""
        way = self._way(topic)
        waiting = way.sender.waiting + len(way.held)
        return PublisherStatistics(way.published, way.dropped, waiting)

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - the bound is the caller's budget
        """Wait until everything taken so far is written, up to `timeout` seconds."""
        ways = [way for way in self._ways.values() if way.open]
        await asyncio.gather(*(way.sender.drain(timeout) for way in ways))

    async def aclose(self) -> None:
        """Stop. What was told and not written becomes dead letters."""
        for way in self._ways.values():
            for letter, _ in way.held:
                self._drop(way, letter, "the transport closed before the topic was reached")
            way.held.clear()
            await way.sender.aclose()

    # -- inside -----------------------------------------------------------------------

    def _way(self, topic: str) -> _Way:
        way = self._ways.get(topic)
        if way is None:
            sender = ClientSender(
                f"{self._run}+{topic}", lambda: batch_time(self._system.wall_clock())
            )
            way = self._ways[topic] = _Way(sender)
        return way

    def _post(self, way: _Way, letter: Letter, make: Make) -> None:
        def lost(error: BaseException) -> None:
            self._drop(way, letter, str(error))

        try:
            way.sender.post(make, lost)
        except TransportError as error:
            lost(error)

    def _drop(self, way: _Way, letter: Letter, why: str) -> None:
        way.dropped += 1
        path = ActorPath(self._system.name, ("topics", letter.topic))
        self._system.dead_letter(letter.message, path, current_sender(), why)

    def _make(self, letter: Letter) -> Make:
        source = source_now(self._source)
        to = TopicPartition(letter.topic, ANY)

        def make(message_id: str) -> Outbound:
            headers = message_headers(letter.kind, source, message_id, letter.content)
            headers.extend(letter.headers)
            return Outbound(to, letter.key, letter.value, headers)

        return make
