"""Messages back from a consumer's quarantine.

The topic they came from is not ours to write to. So whoever redrives writes a request into the
state partition of the key. The owner reads the key's messages from quarantine, and its function
handles them in their order, before whatever else of the key waits; then the key is not parked any
more. Answers go to the quarantine topic, as for entities.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from ...actors import TransportError
from ..delivery import (
    PARKING_HEADERS,
    REDRIVEN,
    RUN,
    SKIPPED,
    Header,
    Inbound,
    LogPort,
    Outbound,
    Outcome,
    QuarantinedMessage,
    Record,
    Shelf,
    StoredState,
    TopicPartition,
    Turn,
    key_of,
    text_of,
)
from ._lane import ConsumerLane, own_lane
from ._receiver import KEYLESS, ConsumerReceiver

if TYPE_CHECKING:
    from ..delivery import Shard

_LOOK = 0.5

REQUEST = b"\x00callboard.redrive"
"""The key of requests in a state partition."""

WANTED = "cb_redrive_key"
"""In a request: the key whose messages are to come back; empty for those without one."""


def request_record(to: TopicPartition, key: bytes, run: bytes) -> Outbound:
    """Return the record that asks for a key's messages to come back.

    Args:
        to: The state partition.
        key: Whose; empty for messages without a key.
        run: Finds the answer.
    """
    headers: list[Header] = [(WANTED, key), (RUN, run)]
    return Outbound(to, REQUEST, b"", headers)


class ReturnLane(ConsumerLane):
    """Handles messages from quarantine, in their order, while their key's own lane waits.

    Args:
        shard: The partition.
        receiver: The consumer.
        messages: What is in quarantine.
        run: Who asked.
        owner: The key's own lane; None for messages without a key.
    """

    __slots__ = ("_fate_of", "_owner", "_run")

    def __init__(
        self,
        shard: "Shard",
        receiver: ConsumerReceiver,
        messages: Sequence[QuarantinedMessage],
        run: bytes,
        owner: ConsumerLane | None,
    ) -> None:
        key = "" if owner is None else owner.key
        super().__init__(shard, receiver, f"{KEYLESS}!{key}", StoredState())
        self.queue = deque((_as_it_came(message), None) for message in messages)
        self._run = run
        self._owner = owner
        self._fate_of = REDRIVEN  # of the message in hand

    @property
    def _owned_by(self) -> str:
        """Whose they are; empty for those without a key."""
        return "" if self._owner is None else self._owner.key

    def begin(self) -> None:
        """Begin; with nothing to bring back the key is free at once."""
        if self.queue:
            self.wake()
        else:
            self._end(-1)

    def _new_turn(self) -> Turn:
        # Ids of their own: those of the place it came from may have been used by its first try.
        return Turn(f"{self.shard.source}!", self.queue[0][0].offset, self.receiver.sender)

    def _skip(self, error: BaseException) -> None:
        self._fate_of = SKIPPED
        super()._skip(error)

    def _done(self, outcome: Outcome) -> None:
        record, _ = self.queue.popleft()
        note = self.shard.note(self._owned_by, record.offset, self._fate_of)
        self.shard.done(
            Outcome(None, outcome.outputs, note, outcome.reply, None, outcome.floor or b"0")
        )
        self._attempt, self._given_up, self._fate_of = 1, None, REDRIVEN
        if not self.queue:
            self._end(-1)

    def _park(
        self, reason: str, error: BaseException | None, outputs: list[Any] | None = None
    ) -> None:
        """Put it back where it was, and leave those behind it there."""
        record, _ = self.queue[0]
        newest = self.queue[-1][0].offset
        self.queue.clear()
        self._given_up = None
        key = self._owned_by or None
        filed = self.shard.quarantine(record, reason, repr(error), record.offset, key)
        if error is not None:
            self._report(self._headers, error, "quarantine")
        self.shard.done(Outcome(None, outputs or [], filed, None, None, b"0"))
        self._end(newest)

    def _end(self, parked_at: int) -> None:
        self.shard.lanes.pop(self.key, None)
        owner = self._owner
        answer = self.shard.release_answer(self._owned_by, self._run, parked_at)
        if owner is None:
            self.shard.done(Outcome(None, [], answer, None, None))
        else:
            owner.go_on(answer, released=parked_at < 0)


class Returns:
    """Looks for requests, and brings back what they ask for.

    Args:
        receiver: The consumer.
        port: The log.
        shards: Its partitions on this node.
        flush: Makes durable what is done, so that quarantine can be read whole.
        log: Where to say what did not work.
    """

    def __init__(
        self,
        receiver: ConsumerReceiver,
        port: LogPort,
        shards: "Callable[[], Sequence[Shard]]",
        flush: Callable[[], Awaitable[None]],
        log: Any,
    ) -> None:
        self._receiver = receiver
        self._port = port
        self._shards = shards
        self._flush = flush
        self._log = log
        self._seen: dict[str, tuple[int, int]] = {}  # by source: the epoch, and read up to where

    async def run(self) -> None:
        """Look again and again, for ever."""
        while True:
            await asyncio.sleep(_LOOK)
            for shard in self._shards():
                if shard.running and shard.epoch:
                    try:
                        await self.look(shard)
                    except TransportError as error:
                        self._log.warning(
                            "cannot look for what is to come back from quarantine; trying again",
                            partition=shard.source,
                            error=str(error),
                        )

    async def look(self, shard: "Shard") -> None:
        """Read what was written into a state partition since, and do what it asks for.

        The first time from this node's own marker on. What was asked before is asked again.

        Raises:
            TransportError: It could not be read.
        """
        partition = shard.kind.state_partition(shard.partition.partition)
        end = await self._port.end(partition)
        epoch, start = self._seen.get(shard.source, (0, 0))
        if epoch != shard.epoch:
            start = end if shard.mark is None else shard.mark.offset + 1
        if start < end:
            wanted: dict[bytes, bytes] = {}
            async for records in self._port.read(partition, start, end):
                for record in records:
                    headers = dict(record.headers)
                    if record.key == REQUEST and WANTED in headers:
                        wanted[headers[WANTED]] = headers.get(RUN, b"")
            for key, run in wanted.items():
                await self._bring_back(shard, text_of(key), run)
        self._seen[shard.source] = shard.epoch, end

    async def _bring_back(self, shard: "Shard", key: str, run: bytes) -> None:
        owner = own_lane(shard, self._receiver, key) if key else None
        if f"{KEYLESS}!{key}" in shard.lanes:
            return  # they are on their way; whoever asked will ask again
        if owner is not None:
            owner.hold()
        try:
            await self._flush()  # what was parked just now is there as well
            messages = await self._messages(shard, key)
        except BaseException:
            if owner is not None:
                owner.go_on(None, released=False)
            raise
        if shard.running:
            lane = ReturnLane(shard, self._receiver, messages, run, owner)
            shard.lanes[lane.key] = lane
            lane.begin()

    async def _messages(self, shard: "Shard", key: str) -> list[QuarantinedMessage]:
        partition = shard.kind.quarantine_partition(shard.partition.partition)
        shelf = Shelf()
        end = await self._port.end(partition)
        async for records in self._port.read(partition, 0, end):
            shelf.fold([each for each in records if key_of(each, dict(each.headers)) == key])
        return [each for each in shelf.messages() if each.topic == shard.partition.topic]


def _as_it_came(message: QuarantinedMessage) -> Inbound:
    """Return a message as it came in first."""
    kept = [header for header in message.headers if header[0] not in PARKING_HEADERS]
    value = None if message.empty else message.value
    return Record(message.offset, message.record_key, value, kept, int(message.at * 1000))
