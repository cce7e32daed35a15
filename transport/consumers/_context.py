"""What a consumer's function knows of the message in hand."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ...actors import EntityRef, System
from ..delivery import ID


class ConsumerRecord(NamedTuple):
    """A record as its topic has it.

    Attributes:
        topic: where it stands.
        partition: where in the topic.
        offset: where in the partition.
        key: its key, or None.
        value: its bytes; None is a tombstone.
        timestamp: milliseconds since the epoch, as its producer or the broker wrote it.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int


class Publish(Protocol):
    """How a context publishes."""

    def __call__(
        self,
        topic: str,
        message: object,
        key: str | bytes | None,
        headers: Mapping[str, str | bytes] | None,
    ) -> None: ...


class ConsumerContext:
    """The second argument of a consumer's function, if it takes one. Good for one call.

    Attributes:
        system: the actor system.
        record: the record in hand; of a batch the first.
        records: all of a batch, in the order of its messages; else the one record.
        headers: its headers; of those with one name the last.
        attempt: 1 when it is handled for the first time, as far as this node knows.
        deadline: loop time in seconds at which an async function is cancelled.
        path: of the consumer, as in `callboard://shop/consumers/on_order`.
    """

    __slots__ = (
        "_publish",
        "attempt",
        "deadline",
        "headers",
        "path",
        "record",
        "records",
        "system",
    )

    def __init__(
        self,
        system: System,
        path: str,
        record: ConsumerRecord,
        headers: Mapping[str, bytes],
        publish: Publish,
        *,
        attempt: int = 1,
        deadline: float = 0.0,
        records: Sequence[ConsumerRecord] = (),
    ) -> None:
        self.system = system
        self.path = path
        self.record = record
        self.headers = headers
        self.attempt = attempt
        self.deadline = deadline
        self.records = tuple(records) or (record,)
        self._publish = publish

    @property
    def message_id(self) -> str:
        """Who tells this message from all others: its `ce_id`, or else its place in the topic.

        It is the same each time the message is delivered.
        """
        said = self.headers.get(ID)
        if said:
            return said.decode(errors="replace")
        record = self.record
        return f"{record.topic}/{record.partition}/{record.offset}"

    @property
    def log(self) -> Any:
        """Structlog logger bound with system, node, consumer and the record's place."""
        record = self.record
        return self.system.log.bind(
            consumer=self.path,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
        )

    def remaining(self) -> float:
        """Return how many seconds are left until the deadline, 0.0 when it has passed."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    def entity(self, kind: type[Any], id: str) -> EntityRef[Any]:  # noqa: A002 - the design's name
        """Return the ref of an entity; what it is told leaves when this function has succeeded."""
        return self.system.entity(kind, id)

    def publish(
        self,
        topic: str,
        message: object,
        *,
        key: str | bytes | None = None,
        headers: Mapping[str, str | bytes] | None = None,
    ) -> None:
        """Send a message to a topic, if and when this function succeeds.

        It leaves before the record in hand counts as handled, with an id that is made of that
        record's place: when the record is handled again, the same id is sent again.

        Args:
            topic: one that `system.publisher(topic, ...)` has declared.
            message: what that publisher takes.
            key: the record's key; None for what the publisher says.
            headers: further headers.

        Raises:
            LookupError: no publisher has been declared for the topic.
            SchemaError: the publisher does not take such a message.
        """
        self._publish(topic, message, key, headers)
