"""One kind of entity as a node hosts it: its class, handlers, topics and policy."""

from typing import TYPE_CHECKING, Any

from ...actors import Entity, MessagePolicy, SchemaError
from ._failures import NewerStateError
from ._lane import Lane
from ._records import Inbound, TopicPartition
from ._state import StoredState
from ._topics import mailbox_topic, quarantine_topic, state_topic

if TYPE_CHECKING:
    from ._shard import Shard


class Kind:
    """What is the same for all entities of a kind; a `Receiver`.

    Args:
        system: The system's name, which begins the topics' names.
        entity: The class.
        policy: What becomes of messages an entity fails on, when the class
            does not say.
    """

    def __init__(self, system: str, entity: type[Entity], policy: MessagePolicy) -> None:
        self.entity = entity
        self.name = entity.kind()
        self.partitions = entity.partitions
        self.policy = entity.policy or policy
        self.handlers = entity.handlers
        types = self.handlers.types()
        self.sole_type = types[0] if len(types) == 1 else None
        """The one message type of the kind, for records that name none."""
        self.state_type = entity.state_type()
        self.state_version = entity.state_version
        self.mailbox = mailbox_topic(system, entity)
        self.state = state_topic(system, entity)
        self.quarantine = quarantine_topic(system, entity)
        self.has_started = entity.started is not Entity.started
        self.has_stopped = entity.stopped is not Entity.stopped

    def restored(self, value: bytes, version: int, path: str) -> Any:
        """Return the state message of an entity, upgraded when an older class wrote it.

        Raises:
            NewerStateError: A later class wrote it.
            Exception: `upgrade_state` failed, or the bytes are no such message.
        """
        assert self.state_type is not None, "asked only when the kind has a state"
        if not value or version == self.state_version:
            return self.state_type.FromString(value)
        if version > self.state_version:
            raise NewerStateError(
                f"the state of {path} has version {version}, and {self.entity.__qualname__} here "
                f"has state_version = {self.state_version}. Deploy the class that wrote it, or a "
                f"later one"
            )
        upgraded = self.entity.upgrade_state(value, version)
        if not isinstance(upgraded, self.state_type):
            raise SchemaError(
                f"{self.entity.__qualname__}.upgrade_state returned "
                f"{type(upgraded).__qualname__}; expected {self.state_type.__qualname__}"
            )
        return upgraded

    def source(self, partition: TopicPartition) -> str:
        """Return the name a mailbox partition has as a source of messages."""
        return f"{partition.topic}/{partition.partition}"

    def key_of(self, record: Inbound) -> str | None:
        """Return whose mail a record is: its key in UTF-8."""
        try:
            return record.key.decode() if record.key else None
        except UnicodeDecodeError:
            return None

    def whole_lane(self, shard: "Shard") -> None:
        """There is none: each entity has its own."""

    def lane(self, shard: "Shard", key: str, stored: StoredState) -> Lane:
        """Make the lane of an entity."""
        return Lane(shard, self, key, stored)

    def committed(self, shard: "Shard") -> None:
        """Nothing waits for that."""

    def state_partition(self, partition: int) -> TopicPartition:
        """Return where the state of a mailbox partition's entities is kept."""
        return TopicPartition(self.state, partition)

    def quarantine_partition(self, partition: int) -> TopicPartition:
        """Return where a mailbox partition's quarantined messages are kept."""
        return TopicPartition(self.quarantine, partition)
