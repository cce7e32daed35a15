"""One process around a delivery core, on a scripted port instead of a broker."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message
from support.scripted_log import Log, ScriptedPort

from callboard import ActorSystem, Entity, EntityRef
from callboard.actors import Address, Transport
from callboard.schemas import TypeRegistry
from callboard.supervision import Backoff, RetryPolicy
from callboard.transport._entities import EntityVerbs
from callboard.transport._mailboxes import Mailboxes
from callboard.transport._outbound import ClientSender
from callboard.transport._publishing import Publishing
from callboard.transport.consumers import Consumer
from callboard.transport.consumers._receiver import ConsumerReceiver
from callboard.transport.consumers._running import lane_of
from callboard.transport.consumers._target import target_of
from callboard.transport.delivery import (
    Codec,
    DeliveryCore,
    DeliveryOptions,
    Host,
    Kind,
    LocalStore,
    MessageId,
    Outbound,
    Position,
    Receiver,
    TopicPartition,
    batch_headers,
    mailbox_topic,
    message_headers,
    partition_for,
)
from callboard.transport.nodes import Replies
from callboard.transport.publishers import Publisher

SYSTEM = "t"

OPTIONS = DeliveryOptions(
    max_in_flight=16,
    commit_interval=0.05,
    drain_timeout=1.0,
    retry_initial=0.01,
    retry_maximum=0.1,
    stop_timeout=1.0,
)
POLICY = RetryPolicy(max_attempts=2, backoff=Backoff(0.02, 0.1))


class _References(Transport):
    """Makes references for handlers; nothing is ever connected."""

    def __init__(self, verbs: EntityVerbs, mailboxes: Mailboxes) -> None:
        self._verbs = verbs
        self._mailboxes = mailboxes

    async def start(self) -> None: ...

    def entity(self, kind: type[Entity], id: str) -> EntityRef[Any]:
        self._mailboxes.know(kind)
        return EntityRef(SYSTEM, kind.kind(), id, self._verbs)

    def ref(self, address: Address) -> EntityRef[Any]:
        raise LookupError(address)

    async def aclose(self) -> None: ...


class _System(ActorSystem):
    verbs: EntityVerbs
    mailboxes: Mailboxes

    def _create_transport(self) -> Transport:
        return _References(self.verbs, self.mailboxes)


class Node:
    """A process: it may end in good order, die at a scripted step, or fall asleep there."""

    def __init__(
        self,
        name: str,
        port: ScriptedPort,
        kinds: Sequence[type[Entity]],
        options: DeliveryOptions = OPTIONS,
        store: LocalStore | None = None,
        consumers: Sequence[Consumer] = (),
    ) -> None:
        self.port = port
        self.system = _System(SYSTEM, node=name, seed=1, wall_clock=lambda: 1_000.0)
        self.codec = Codec(TypeRegistry())
        self.replies: list[Outbound] = []
        sender = ClientSender(f"{name}~run", lambda: b"now")
        self.system.mailboxes = Mailboxes(SYSTEM)
        self.system.verbs = EntityVerbs(
            self.system,
            self.codec,
            sender,
            Replies(self.system, self.codec),
            mailboxes=self.system.mailboxes,
            ready=self._never,
        )
        self.publishing = Publishing(self.system, f"{name}~run", self._nothing)
        self._kinds: dict[str, Receiver] = {
            mailbox_topic(SYSTEM, kind): Kind(SYSTEM, kind, POLICY) for kind in kinds
        }
        self._kinds.update({each.topic: self._receiver(each) for each in consumers})
        self._partitions = {mailbox_topic(SYSTEM, kind): kind.partitions for kind in kinds}
        self._partitions.update({each.topic: each.options.partitions for each in consumers})
        self.host = Host(
            system=self.system,
            dispatcher=self.system.dispatcher,
            codec=self.codec,
            options=options,
            reference=lambda kind, id_: EntityRef(SYSTEM, kind, id_, self.system.verbs),
            reply=self.replies.append,
            reach=self._nothing,
            store=store,
            offload=self._at_once,
        )
        self.core = DeliveryCore(self.host, port, self._kinds)
        self._pump: asyncio.Task[None] | None = None

    def _receiver(self, consumer: Consumer) -> ConsumerReceiver:
        return ConsumerReceiver(
            system=SYSTEM,
            consumer=consumer,
            target=target_of(consumer, self.codec),
            policy=POLICY,
            publish=self._publish,
            lane=lane_of,
        )

    def _publish(
        self,
        topic: str,
        message: object,
        key: str | bytes | None,
        headers: Mapping[str, str | bytes] | None,
    ) -> None:
        publisher = Publisher(
            topic,
            Message,
            key=None,
            partitions=1,
            port=lambda: self.publishing,
            max_message_bytes=10_000,
        )
        assert isinstance(message, Message)
        publisher.tell(message, key=key, headers=headers)

    @staticmethod
    async def _nothing() -> None: ...

    @staticmethod
    async def _at_once(call: Callable[[], None]) -> None:
        """Virtual time does not wait for threads."""
        call()

    @staticmethod
    async def _never() -> Any:
        raise AssertionError("nothing here asks")

    @property
    def mailboxes(self) -> list[TopicPartition]:
        """All mailbox partitions of the hosted kinds."""
        return [
            TopicPartition(topic, number)
            for topic, partitions in self._partitions.items()
            for number in range(partitions)
        ]

    async def start(self) -> None:
        """Start and own every mailbox partition."""
        self.port.log.owner = self.port
        await self.system.__aenter__()
        self.core.start()
        self.core.assigned(self.mailboxes)
        self._pump = asyncio.create_task(self._feed())

    async def _feed(self) -> None:
        while True:
            for partition in list(self.core.owned):
                if self.core.accepts(partition):
                    at = self.port.positions[partition]
                    records = self.port.log.partitions[partition][at : at + 4]
                    self.port.positions[partition] = at + len(records)
                    self.core.deliver(partition, records)
            await asyncio.sleep(0.002)

    async def until_done(self) -> None:
        """Wait until everything in the mailboxes is committed."""
        log = self.port.log
        async with asyncio.timeout(60):
            while any(
                log.committed.get(partition, Position(0)).offset < len(log.partitions[partition])
                for partition in self.mailboxes
            ):
                await asyncio.sleep(0.01)

    async def until_ended(self) -> None:
        """Wait until it has died or fallen asleep at its step, or everything is committed."""
        waits = (self.port.dead.wait(), self.port.asleep.wait(), self.until_done())
        ends = [asyncio.create_task(each) for each in waits]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)

    async def stop(self) -> None:
        """End in good order."""
        await self.core.aclose()
        await self._end()

    async def die(self) -> None:
        """End as `kill -9` does: nothing more is written, nothing is said."""
        self.port.dead.set()
        self.core.lost()
        await self.core.aclose()
        await self._end()

    async def _end(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        await self.system.__aexit__(None, None, None)


def write(log: Log, kind: type[Entity], key: str, message: Message, number: int | None) -> int:
    """Append a message to a mailbox as a client would, or (number None) as a stranger."""
    to = TopicPartition(mailbox_topic(SYSTEM, kind), partition_for(key.encode(), kind.partitions))
    type_header = ("ce_type", message.DESCRIPTOR.full_name.encode())
    if number is None:
        return log.append(Outbound(to, key.encode(), message.SerializeToString(), [type_header]))
    message_id = str(MessageId.derived("client~1", number, 0))
    headers = message_headers(type_header, ("ce_source", b"client"), message_id)
    headers += batch_headers(time=b"now", floor=str(number).encode())
    return log.append(Outbound(to, key.encode(), message.SerializeToString(), headers))


def shuffled(seed: int, count: int, keys: Sequence[str]) -> list[tuple[str, int]]:
    """Return (key, number) pairs: `count` messages over the keys, by seed."""
    chance = random.Random(seed)
    return [(chance.choice(keys), number) for number in range(count)]
