"""The delivery core: per-key lanes over owned partitions, effectively once.

Knows the log only through `LogPort`. The flow of one record:

    deliver -> Shard (tracker) -> Lane (decode, dedup, handler) -> Outcome
            -> Flusher (outputs, then states) -> Tracker.finished -> commit

`_tracker`, `_dedup`, `_state` and `_quarantine` decide and are pure; `_lane`,
`_shard`, `_flusher` and `_core` act.
"""

from ._codec import (
    CONTENT_TYPE,
    CORRELATION,
    DEFAULT_MAX_MESSAGE_BYTES,
    ID,
    REPLY_TO,
    SOURCE,
    TYPE,
    Codec,
    batch_headers,
    message_headers,
    text,
)
from ._core import DeliveryCore
from ._dedup import Floor, MessageId, Window
from ._failures import ask_failure, ask_reply, failure_event, read_reply, reply_address
from ._flusher import batch_time
from ._host import Counters, DeliveryOptions, Host
from ._keys import partition_for
from ._kind import Kind
from ._local_store import Checkpoint, LocalStore
from ._outcome import Outcome
from ._parking import Parking
from ._port import LogPort
from ._progress import Position
from ._quarantine import AT as QUARANTINE_AT
from ._quarantine import (
    BEHIND,
    DROPPED,
    FAILED,
    UNDECODABLE,
    UNHANDLED,
    note,
    redrive_records,
)
from ._quarantine import ERROR as QUARANTINE_ERROR
from ._quarantine import ORIGIN as QUARANTINE_ORIGIN
from ._quarantine import REASON as QUARANTINE_REASON
from ._quarantine import RELEASED as QUARANTINE_RELEASED
from ._quarantine import RESOLVED as QUARANTINE_RESOLVED
from ._quarantine import RUN as QUARANTINE_RUN
from ._receiver import KeyLane, Receiver
from ._records import ANY, Header, Inbound, Outbound, TopicPartition
from ._shard import Shard
from ._state import Changelog, Mark, StoredState
from ._topics import (
    check_system_name,
    failures_topic,
    mailbox_topic,
    members_topic,
    nodes_topic,
    quarantine_topic,
    state_topic,
)
from ._tracker import Tracker
from ._turn import Turn, current_turn

__all__ = [
    "ANY",
    "BEHIND",
    "CONTENT_TYPE",
    "CORRELATION",
    "DEFAULT_MAX_MESSAGE_BYTES",
    "DROPPED",
    "FAILED",
    "ID",
    "QUARANTINE_AT",
    "QUARANTINE_ERROR",
    "QUARANTINE_ORIGIN",
    "QUARANTINE_REASON",
    "QUARANTINE_RELEASED",
    "QUARANTINE_RESOLVED",
    "QUARANTINE_RUN",
    "REPLY_TO",
    "SOURCE",
    "TYPE",
    "UNDECODABLE",
    "UNHANDLED",
    "Changelog",
    "Checkpoint",
    "Codec",
    "Counters",
    "DeliveryCore",
    "DeliveryOptions",
    "Floor",
    "Header",
    "Host",
    "Inbound",
    "KeyLane",
    "Kind",
    "LocalStore",
    "LogPort",
    "Mark",
    "MessageId",
    "Outbound",
    "Outcome",
    "Parking",
    "Position",
    "Receiver",
    "Shard",
    "StoredState",
    "TopicPartition",
    "Tracker",
    "Turn",
    "Window",
    "ask_failure",
    "ask_reply",
    "batch_headers",
    "batch_time",
    "check_system_name",
    "current_turn",
    "failure_event",
    "failures_topic",
    "mailbox_topic",
    "members_topic",
    "message_headers",
    "nodes_topic",
    "note",
    "partition_for",
    "quarantine_topic",
    "read_reply",
    "redrive_records",
    "reply_address",
    "state_topic",
    "text",
]
