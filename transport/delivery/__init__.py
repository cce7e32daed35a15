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
    FLOOR,
    ID,
    REPLY_TO,
    SOURCE,
    TIME,
    TYPE,
    Codec,
    batch_headers,
    floor_of,
    id_of,
    message_headers,
    text,
)
from ._core import DeliveryCore
from ._dedup import Floor, MessageId, Window
from ._endings import to_its_end
from ._failures import STATUS, ask_error, ask_failure, ask_reply, read_reply, reply_address
from ._flusher import batch_time
from ._host import Counters, DeliveryOptions, Host
from ._keys import partition_for
from ._kind import Kind
from ._local_store import Checkpoint, LocalStore
from ._outcome import Outcome
from ._parking import Parking
from ._port import LogPort
from ._progress import Position
from ._quarantine import (
    BEHIND,
    DROPPED,
    FAILED,
    PARKING_HEADERS,
    REDRIVEN,
    RUN,
    SKIPPED,
    UNDECODABLE,
    UNHANDLED,
    key_of,
    note,
    redrive_records,
    text_of,
)
from ._receiver import KeyLane, Receiver, WholeLane
from ._records import ANY, Header, Inbound, Outbound, Record, TopicPartition
from ._shard import Shard
from ._shelf import QuarantinedMessage, Shelf
from ._state import Changelog, Mark, StoredState
from ._topics import (
    check_system_name,
    failures_topic,
    mailbox_topic,
    members_topic,
    nodes_topic,
    quarantine_of,
    quarantine_topic,
    state_of,
    state_topic,
)
from ._tracker import Tracker
from ._turn import Turn, current_turn, hold_back, in_turn, node_source, source_now

__all__ = [
    "ANY",
    "BEHIND",
    "CONTENT_TYPE",
    "CORRELATION",
    "DEFAULT_MAX_MESSAGE_BYTES",
    "DROPPED",
    "FAILED",
    "FLOOR",
    "ID",
    "PARKING_HEADERS",
    "REDRIVEN",
    "REPLY_TO",
    "RUN",
    "SKIPPED",
    "SOURCE",
    "STATUS",
    "TIME",
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
    "QuarantinedMessage",
    "Receiver",
    "Record",
    "Shard",
    "Shelf",
    "StoredState",
    "TopicPartition",
    "Tracker",
    "Turn",
    "WholeLane",
    "Window",
    "ask_error",
    "ask_failure",
    "ask_reply",
    "batch_headers",
    "batch_time",
    "check_system_name",
    "current_turn",
    "failures_topic",
    "floor_of",
    "hold_back",
    "id_of",
    "in_turn",
    "key_of",
    "mailbox_topic",
    "members_topic",
    "message_headers",
    "node_source",
    "nodes_topic",
    "note",
    "partition_for",
    "quarantine_of",
    "quarantine_topic",
    "read_reply",
    "redrive_records",
    "reply_address",
    "source_now",
    "state_of",
    "state_topic",
    "text",
    "text_of",
    "to_its_end",
]
