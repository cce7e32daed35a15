"""One kind of entity as a node hosts it: its class, handlers, topics and policy."""

from ...actors import Entity, MessagePolicy
from ._records import TopicPartition
from ._topics import mailbox_topic, quarantine_topic, state_topic


class Kind:
    """What is the same for all entities of a kind.

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
        self.mailbox = mailbox_topic(system, entity)
        self.state = state_topic(system, entity)
        self.quarantine = quarantine_topic(system, entity)
        self.has_started = entity.started is not Entity.started
        self.has_stopped = entity.stopped is not Entity.stopped

    def state_partition(self, partition: int) -> TopicPartition:
        """Return where the state of a mailbox partition's entities is kept."""
        return TopicPartition(self.state, partition)

    def quarantine_partition(self, partition: int) -> TopicPartition:
        """Return where a mailbox partition's quarantined messages are kept."""
        return TopicPartition(self.quarantine, partition)
