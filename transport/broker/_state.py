"""Everything a broker knows, and what its handlers share."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ._clock import Clock
from ._cluster import Cluster
from ._groups import Groups
from ._sasl import Authenticator
from ._security import Security
from ._topics import Partition, Topics
from ._transactions import Transaction, Transactions
from .log import Store
from .wire import ErrorCode


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOptions:
    """How a broker behaves; durations in seconds.

    Attributes:
        host: Address to listen on. Anything but loopback opens it to others.
        port: Port to listen on; 0 takes a free one. Further broker ids take the
            ports behind it, or free ones too.
        advertised_host: What clients are told to connect to, if not `host`.
        brokers: How many broker ids clients are to see.
        auto_create: Create a topic when a client first names it.
        default_partitions: Partitions of topics created so.
        min_session_timeout: Shortest session a group member may ask for.
        max_session_timeout: Longest one.
        join_delay: How long an empty group waits for more members.
        max_transaction_timeout: Longest a transaction may ask to take.
        offsets_retention: How long a group without members is remembered.
        producer_expiration: How long a partition remembers a silent producer.
        housekeeping: How often retention, compaction and the like are looked at.
        max_connections: How many may be open at once; further ones are closed.
        idle_timeout: Silence after which a connection is closed.
        stall_timeout: How long a client may leave an answer unread.
        data: Folder to keep everything in; None keeps it in memory.
        fsync: `always` (before an answer), `never` (the operating system decides), or
            seconds between two.
        close_timeout: How long stopping may take.
        security: Who may connect, and how; None lets everybody in, without TLS.
    """

    host: str = "127.0.0.1"
    port: int = 0
    advertised_host: str | None = None
    brokers: int = 1
    auto_create: bool = True
    default_partitions: int = 4
    min_session_timeout: float = 0.1
    max_session_timeout: float = 1800.0
    join_delay: float = 0.0
    max_transaction_timeout: float = 900.0
    offsets_retention: float = 7 * 86_400.0
    producer_expiration: float = 86_400.0
    housekeeping: float = 5.0
    max_connections: int = 10_000
    idle_timeout: float = 600.0
    stall_timeout: float = 30.0
    data: Path | None = None
    fsync: str | float = 0.1
    close_timeout: float = 5.0
    security: Security | None = None


class Call(NamedTuple):
    """Who asks, and how.

    Attributes:
        node: The broker id that was asked.
        version: Of the request.
        client_id: As the client calls itself.
        host: Where the client is.
        login: Who it is, and how far that is known.
    """

    node: int
    version: int
    client_id: str
    host: str
    login: Authenticator


class BrokerState:
    """Topics, groups and transactions, with the cluster they live in."""

    def __init__(
        self, options: BrokerOptions, clock: Clock, store: Store, cluster: Cluster
    ) -> None:
        self.options = options
        self.clock = clock
        self.store = store
        self.cluster = cluster
        self.member_numbers = itertools.count(1)
        self.disk_full = False
        """Set by a test: whatever would be written is refused."""
        self.topics = Topics(store, cluster)
        self.groups = Groups(clock, store, options.join_delay)
        self.transactions = Transactions(
            clock, store, self._finish, options.max_transaction_timeout
        )
        table = store.table()
        self.topics.restore(table)
        self.groups.restore(table)
        self.transactions.restore(table)

    def led(
        self, node: int, topic: str, index: int, leader_epoch: int = -1
    ) -> "Partition | ErrorCode":
        """Return a partition for a request to its leader, or what is wrong with that."""
        partition = self.topics.partition(topic, index)
        if partition is None:
            return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if partition.leader != node:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        if leader_epoch >= 0 and leader_epoch != partition.epoch:
            newer = leader_epoch > partition.epoch
            return ErrorCode.UNKNOWN_LEADER_EPOCH if newer else ErrorCode.FENCED_LEADER_EPOCH
        return partition

    def in_sync(self, partition: Partition) -> list[int]:
        """Return the ids that have a partition and are up."""
        return [node for node in partition.replicas if self.cluster.nodes[node].up]

    def housekeep(self) -> None:
        """Drop what is too old, and compact what is worth it."""
        now = self.clock.now_ms()
        options = self.options
        for topic in self.topics:
            for partition in topic.partitions:
                log = partition.log
                log.producers.forget(now - int(options.producer_expiration * 1000))
                if topic.configs.deletes:
                    log.expire(
                        now,
                        retention_ms=topic.configs.retention_ms,
                        retention_bytes=topic.configs.retention_bytes,
                    )
                if topic.configs.compacts:
                    partition.compactor.run(now, topic.configs.compaction)
        self.groups.expire(now - int(options.offsets_retention * 1000))

    def close(self) -> None:
        """Take all timers back, and let go of the store."""
        self.groups.close()
        self.transactions.close()
        self.store.close()

    def _finish(self, transaction: Transaction, commit: bool) -> None:  # noqa: FBT001 a callback
        now = self.clock.now_ms()
        for place in transaction.partitions:
            partition = self.topics.partition(*place)
            if partition is not None:  # else its topic was deleted meanwhile
                partition.log.mark(
                    transaction.producer_id, transaction.epoch, commit=commit, now_ms=now
                )
        for group in transaction.groups:
            entry = self.groups.find(group)
            if entry is not None:
                entry.offsets.settle(transaction.producer_id, commit=commit)
