"""One consumer on one node: its own group member, its own delivery core."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...actors import ActorSystem, EntityRef, MessagePolicy
from .._kafka import KafkaDriver, KafkaOptions
from ..delivery import (
    Codec,
    Counters,
    DeliveryCore,
    DeliveryOptions,
    Host,
    KeyLane,
    Outbound,
    StoredState,
    TopicPartition,
)
from ._at_most_once import AtMostOnceLane
from ._batch_lane import BatchLane
from ._context import Publish
from ._declared import Consumer
from ._express import ExpressLane
from ._lane import ConsumerLane
from ._receiver import ConsumerReceiver
from ._returns import Returns
from ._target import target_of

if TYPE_CHECKING:
    from ..delivery import Shard

# A lane of a consumer knows nothing that could not be forgotten.
_IDLE = 5.0
_LANES = 20_000
# Nothing is handled at most once before its position is committed.
_SOON = 0.02


@dataclass(frozen=True, slots=True)
class Clients:
    """What a consumer needs of the transport around it.

    Attributes:
        options: Of the Kafka clients.
        delivery: Of the node's delivery core; a consumer's own options go before.
        codec: Decodes protobuf messages.
        policy: Of those that have none.
        publish: For contexts.
        counters: Of the node.
        reference: Makes the reference of an entity from kind and id.
        reply: Sends answers.
        reach: Makes sure that all topics written to exist.
    """

    options: KafkaOptions
    delivery: DeliveryOptions
    codec: Codec
    policy: MessagePolicy
    publish: Publish
    counters: Counters
    reference: Callable[[str, str], EntityRef[Any]]
    reply: Callable[[Outbound], None]
    reach: Callable[[], Awaitable[None]]


class RunningConsumer:
    """A consumer that takes part in its group.

    Order of events: it joins; partitions come, are restored and delivered.
    `drain` finishes what is in hand and commits; `aclose` leaves the group.

    Args:
        system: The node.
        consumer: Its declaration.
        clients: The transport around it.
    """

    def __init__(self, system: ActorSystem, consumer: Consumer, clients: Clients) -> None:
        self.consumer = consumer
        said = consumer.options
        self._receiver = ConsumerReceiver(
            system=system.name,
            consumer=consumer,
            target=target_of(consumer, clients.codec),
            policy=clients.policy,
            publish=clients.publish,
            lane=lane_of,
        )
        self._options = replace(
            clients.options,
            session_timeout=said.session_timeout or clients.options.session_timeout,
            begin_at_end=said.start == "latest",
        )
        delivery = replace(
            clients.delivery,
            max_in_flight=said.max_in_flight,
            idle_timeout=_IDLE,
            max_entities=_LANES,
            state_dir=None,
        )
        if said.at_most_once:
            delivery = replace(delivery, exactly_once=False, commit_interval=_SOON)
        self._host = Host(
            system=system,
            dispatcher=system.dispatcher,
            codec=clients.codec,
            options=delivery,
            reference=clients.reference,
            reply=clients.reply,
            reach=clients.reach,
            counters=clients.counters,
        )
        self._driver = KafkaDriver(
            self._options,
            group=consumer.group,
            node=system.node,
            declaration=consumer.as_declared(),
        )
        self._core = DeliveryCore(self._host, self._driver, {consumer.topic: self._receiver})
        core = self._core
        self._returns = Returns(
            self._receiver, self._driver, lambda: core.shards, core.flush, system.log
        )
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Join the group; the topics are there.

        Raises:
            TransportUnavailable: No broker answers.
        """
        self._core.start()
        try:
            await self._driver.host(self._core, [self.consumer.topic])
        except BaseException:
            await self.drain()
            await self.aclose()
            raise
        if not self.consumer.options.at_most_once:
            self._looking = asyncio.create_task(self._returns.run(), name="callboard-returns")

    @property
    def owned(self) -> list[TopicPartition]:
        """The partitions it has here."""
        return self._core.owned

    async def drain(self) -> None:
        """Finish what is in hand and commit, within the core's deadlines; take nothing more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._core.aclose()
        self._receiver.slots.aclose()

    async def aclose(self) -> None:
        """Leave the group."""
        await self._driver.aclose()


def lane_of(shard: "Shard", receiver: ConsumerReceiver, key: str, stored: StoredState) -> KeyLane:
    """Make the lane that a consumer's way of working wants."""
    if receiver.consumer.takes.batch:
        return BatchLane(shard, receiver, key)
    if receiver.express:
        return ExpressLane(shard, receiver, key)
    if receiver.options.at_most_once:
        return AtMostOnceLane(shard, receiver, key, stored)
    return ConsumerLane(shard, receiver, key, stored)
