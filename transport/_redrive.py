"""Getting messages out of quarantine: looked at, put back in order, or dropped."""

import asyncio
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ..actors import TransportUnavailable
from ._cluster import cluster_of_system
from ._kafka import Admin, BatchProducer, KafkaOptions, KafkaSecurity, Reader, Tail
from .consumers import request_record
from .delivery import (
    DROPPED,
    Outbound,
    QuarantinedMessage,
    Shelf,
    TopicPartition,
    note,
    redrive_records,
)

_CLIENT = "callboard-quarantine"
_SUFFIX = ".quarantine"
_POLL = 0.2
_ASK_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of a key that was redriven.

    Attributes:
        kind: Of the entity.
        key: Its id.
        handled: Messages that left quarantine.
        left: Messages that stay there: one failed again, and what is behind it.
        error: What the first of them failed with; empty when all were handled.
    """

    kind: str
    key: str
    handled: int
    left: int
    error: str


class Quarantine:
    """The quarantine of a system, for those who look after it.

    Example:
        >>> async def after_the_fix() -> list[Redriven]:
        ...     async with Quarantine("kafka://127.0.0.1:9092", "bank") as quarantine:
        ...         return await quarantine.redrive("Account", ["acc-42"])

    A key is redriven by writing its messages into its mailbox again, in their
    order, and a release behind them. Its entity handles them before whatever
    was sent since, which is in quarantine too until the release. Whoever
    redrives may crash and begin again, and two may do it at once: nothing is
    handled twice, and the order holds.

    Not promised: how a drop and a redrive of the same key at the same time end.

    Args:
        url: A `kafka://` URL.
        system: The system's name.
        security: How to come in; None for what the URL and the environment say.

    Raises:
        InvalidTransportURL: Not a `kafka://` URL.
        ValueError: No name of a system.
    """

    def __init__(self, url: str, system: str, *, security: KafkaSecurity | None = None) -> None:
        instead = (
            "lives inside one process. Give the URL of the cluster whose quarantine you mean, "
            "as in kafka://HOST:9092"
        )
        cluster = cluster_of_system(url, system, security, instead)
        options = KafkaOptions(cluster=cluster)
        self._system = system
        self._admin = Admin(cluster, _CLIENT, timeout=options.request_timeout)
        self._reader = Reader(cluster, _CLIENT, timeout=options.request_timeout)
        self._producer = BatchProducer(cluster, _CLIENT, timeout=options.write_timeout)
        self._topics: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        """Find the system's quarantine topics.

        Raises:
            TransportUnavailable: No broker answers.
        """
        prefix = f"{self._system}."
        self._topics = await self._admin.matching(
            lambda name: name.startswith(prefix) and name.endswith(_SUFFIX)
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._producer.aclose()

    @property
    def kinds(self) -> list[str]:
        """The kinds of entities that have a quarantine."""
        prefix = len(self._system) + 1
        return sorted(topic[prefix : -len(_SUFFIX)] for topic in self._topics)

    async def messages(self, kind: str, key: str | None = None) -> list[QuarantinedMessage]:
        """Return what waits, in the order of each key.

        Raises:
            LookupError: There is no such kind.
            TransportUnavailable: The broker does not answer.
        """
        shelf = Shelf()
        tail = await self._read(kind, shelf)
        await tail.aclose()
        return [message for message in shelf.messages() if key is None or message.key == key]

    async def redrive(
        self,
        kind: str,
        keys: Collection[str] | None = None,
        *,
        timeout: float = 30.0,  # noqa: ASYNC109 - the deadline is part of what it does
    ) -> list[Redriven]:
        """Put messages back, and wait until their entities have dealt with them.

        Args:
            kind: Of the entities.
            keys: Their ids; None for all that have messages in quarantine.
            timeout: Seconds to wait for a node to handle them.

        Raises:
            LookupError: There is no such kind, or nothing of a key in quarantine.
            TransportUnavailable: No node has answered in time. What was written is
                handled when one runs; redriving again does no harm.
        """
        shelf = Shelf()
        tail = await self._read(kind, shelf)
        try:
            waiting = _by_key(shelf.messages())
            if waiting.get("") and waiting[""][0].topic == f"{self._system}.{kind}":
                del waiting[""]  # mail without a key belongs to no entity: it can only be dropped
            if keys is not None:
                _check_known(kind, keys, waiting)
                waiting = {key: waiting[key] for key in waiting if key in keys}
            before = {key: len(messages) for key, messages in waiting.items()}
            async with asyncio.timeout(timeout):
                ours, theirs = _by_origin(waiting, f"{self._system}.{kind}")
                await self._requested(kind, theirs, shelf, tail)
                await self._rounds(ours, shelf, tail)
        except TimeoutError as error:
            raise TransportUnavailable(
                f"no node of system {self._system!r} has dealt with all messages of {kind} within "
                f"{timeout:g} s. What is written is handled when one runs, and redriving again "
                f"does no harm. A key that gets mail all the time may need a pause of its senders"
            ) from error
        finally:
            await tail.aclose()
        after = _by_key(shelf.messages())
        return [_outcome(kind, key, count, after.get(key, [])) for key, count in before.items()]

    async def drop(self, kind: str, key: str, offsets: Collection[int] | None = None) -> int:
        """Take messages out of quarantine for good, and return how many.

        The other messages of the key stay; when none is left, the key is released, and
        its entity handles what is sent from then on.

        Args:
            kind: Of the entity.
            key: Its id; empty for messages that had none.
            offsets: Which; None for all of the key.

        Raises:
            LookupError: There is no such kind, or no such message.
        """
        shelf = Shelf()
        tail = await self._read(kind, shelf)
        await tail.aclose()
        found = _by_key(shelf.messages()).get(key, [])
        chosen = [m for m in found if offsets is None or m.offset in offsets]
        missing = set(offsets or ()) - {m.offset for m in chosen}
        if missing or not chosen:
            which = ", ".join(str(offset) for offset in sorted(missing)) or "nothing at all"
            raise LookupError(
                f"no message {which} of {kind}/{key} is in quarantine; it has "
                f"{', '.join(str(m.offset) for m in found) or 'none'}"
            )
        records = [self._dropped(kind, message) for message in chosen]
        await self._producer.produce(records)
        if len(chosen) == len(found) and key:
            mailbox = TopicPartition(found[0].topic, found[0].partition)
            newest = shelf.newest(*mailbox, key)
            run = uuid.uuid4().hex.encode()
            if mailbox.topic == f"{self._system}.{kind}":
                release = redrive_records(mailbox, key.encode(), [], newest=newest, run=run)
            else:
                places = {each.partition: each for each in found}
                release = [self._request(kind, each, run) for each in places.values()]
            await self._producer.produce(release)
        return len(chosen)

    # -- inside -----------------------------------------------------------------

    def _request(self, kind: str, message: QuarantinedMessage, run: bytes) -> Outbound:
        state = TopicPartition(f"{self._system}.{kind}.state", message.partition)
        return request_record(state, message.key.encode(errors="surrogateescape"), run)

    async def _requested(
        self,
        kind: str,
        waiting: dict[str, list[QuarantinedMessage]],
        shelf: Shelf,
        tail: Tail,
    ) -> None:
        """Ask a consumer for its messages, and wait for the answers.

        Asked again and again: a node that takes a partition over does not know what the one
        before was asked for.
        """
        places = {
            (key, message.partition): message
            for key, messages in waiting.items()
            for message in messages
        }
        runs = {place: uuid.uuid4().hex.encode() for place in places}
        loop = asyncio.get_running_loop()
        asked = float("-inf")
        while open_ := [place for place in places if runs[place] not in shelf.answers]:
            if loop.time() - asked > _ASK_EVERY:
                await self._producer.produce(
                    [self._request(kind, places[place], runs[place]) for place in open_]
                )
                asked = loop.time()
            await _take(tail, shelf)

    async def _rounds(
        self,
        waiting: dict[str, list[QuarantinedMessage]],
        shelf: Shelf,
        tail: Tail,
    ) -> None:
        """Write, and wait for the answers; again for keys that got new messages meanwhile."""
        while waiting:
            runs = {key: uuid.uuid4().hex.encode() for key in waiting}
            records: list[Outbound] = []
            for key, messages in waiting.items():
                mailbox = TopicPartition(messages[0].topic, messages[0].partition)
                parked = [(m.offset, m.value, m.headers) for m in messages]
                newest = shelf.newest(*mailbox, key)
                records += redrive_records(
                    mailbox, key.encode(), parked, newest=newest, run=runs[key]
                )
            await self._producer.produce(records)
            while not all(run in shelf.answers for run in runs.values()):
                await _take(tail, shelf)
            # Parked still: a message failed again, or others have come. Of those, which may be
            # written after the answer, the newest is named in it.
            waiting = {
                key: messages
                for key, messages in waiting.items()
                if shelf.answers[runs[key]] >= 0 and not _failed_again(messages, shelf)
            }
            for key in waiting:
                await self._seen(waiting[key][0], shelf.answers[runs[key]], shelf, tail)
            again = _by_key(shelf.messages())
            waiting = {key: again[key] for key in waiting if key in again}

    async def _seen(self, of: QuarantinedMessage, newest: int, shelf: Shelf, tail: Tail) -> None:
        while shelf.newest(of.topic, of.partition, of.key) < newest:
            await _take(tail, shelf)

    async def _read(self, kind: str, shelf: Shelf) -> Tail:
        """Read a kind's quarantine to its present end; return what goes on from there."""
        topic = f"{self._system}.{kind}{_SUFFIX}"
        if topic not in self._topics:
            raise LookupError(
                f"system {self._system!r} has no quarantine of a kind {kind!r}; it has "
                f"{', '.join(self.kinds) or 'none at all'}"
            )
        partitions = [TopicPartition(topic, number) for number in range(self._topics[topic])]
        ends = await self._reader.ends(partitions)
        tail = await self._reader.tail(partitions, from_start=True)
        try:
            while not await tail.reached(ends):
                await _take(tail, shelf)
        except BaseException:
            await tail.aclose()
            raise
        return tail

    def _dropped(self, kind: str, message: QuarantinedMessage) -> Outbound:
        to = TopicPartition(f"{self._system}.{kind}{_SUFFIX}", message.partition)
        mailbox = TopicPartition(message.topic, message.partition)
        return note(to, mailbox, message.key.encode() or None, message.offset, DROPPED)


async def _take(tail: Tail, shelf: Shelf) -> None:
    for records in (await tail.next(_POLL)).values():
        shelf.fold(records)


def _by_origin(
    waiting: dict[str, list[QuarantinedMessage]], mailbox: str
) -> tuple[dict[str, list[QuarantinedMessage]], dict[str, list[QuarantinedMessage]]]:
    """Return what came from an entity's mailbox, and what from a topic that is not ours."""
    ours = {key: each for key, each in waiting.items() if each[0].topic == mailbox}
    return ours, {key: each for key, each in waiting.items() if key not in ours}


def _failed_again(tried: Sequence[QuarantinedMessage], shelf: Shelf) -> bool:
    places = {(m.topic, m.partition, m.offset) for m in shelf.messages()}
    return any((m.topic, m.partition, m.offset) in places for m in tried)


def _by_key(messages: Sequence[QuarantinedMessage]) -> dict[str, list[QuarantinedMessage]]:
    found: dict[str, list[QuarantinedMessage]] = {}
    for message in messages:
        found.setdefault(message.key, []).append(message)
    return found


def _check_known(
    kind: str, keys: Collection[str], waiting: dict[str, list[QuarantinedMessage]]
) -> None:
    unknown = sorted(set(keys) - set(waiting))
    if unknown:
        raise LookupError(
            f"nothing of {kind} {', '.join(unknown)} is in quarantine; there is something of "
            f"{', '.join(sorted(waiting)[:10]) or 'nobody'}"
        )


def _outcome(kind: str, key: str, before: int, left: Sequence[QuarantinedMessage]) -> Redriven:
    return Redriven(kind, key, max(0, before - len(left)), len(left), left[0].error if left else "")
