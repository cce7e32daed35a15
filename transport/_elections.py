"""Which node runs a singleton: a group of its own for each."""

import asyncio
from collections.abc import Awaitable, Callable

from ._kafka import Election, KafkaOptions, Reader
from .delivery import TopicPartition, members_topic
from .nodes import Nodes


class GroupElections:
    """Implements `Elections` with consumer groups over the members topic, which has one partition.

    Args:
        options: Of the clients.
        system: The system's name.
        node: The node's.
        reader: Asks for ends.
        nodes: Takes heartbeats.
    """

    def __init__(
        self, options: KafkaOptions, system: str, node: str, reader: Reader, nodes: Nodes
    ) -> None:
        self._options = options
        self._system = system
        self._node = node
        self._reader = reader
        self._nodes = nodes
        self._partition = TopicPartition(members_topic(system), 0)

    async def stand(
        self, name: str, elected: Callable[[bool], None], moving: Callable[[], Awaitable[None]]
    ) -> Callable[[], Awaitable[None]]:
        """See `Elections.stand`.

        Raises:
            TransportUnavailable: No broker answers.
        """
        election = Election(
            self._options,
            group=f"{self._system}.singletons.{name}",
            node=self._node,
            partition=self._partition,
            elected=elected,
            moving=moving,
        )
        await election.start()
        return election.aclose

    async def settled(self) -> None:
        """See `Elections.settled`.

        Raises:
            TransportUnavailable: The broker does not answer.
            TimeoutError: What it has did not come in time.
        """
        ends = await self._reader.ends([self._partition])
        async with asyncio.timeout(self._options.request_timeout):
            await self._nodes.reached(ends)
