"""The delivery core: per-key lanes over owned partitions, effectively once.

Knows the log only through `LogPort`. The flow of one record:

    deliver -> Shard (tracker) -> Lane (decode, dedup, handler) -> Outcome
            -> Flusher (outputs, then states) -> Tracker.finished -> commit

`_tracker`, `_dedup`, `_state` and `_quarantine` decide and are pure; `_lane`,
`_shard`, `_flusher` and `_core` act.
"""

from ._codec import (
    CORRELATION,
    REPLY_TO,
    TYPE,
    Codec,
    batch_headers,
    message_headers,
    text,
)
from ._core import DeliveryCore
from ._dedup import Floor, MessageId, Window
from ._failures import read_reply, reply_address
from ._flusher import batch_time
from ._host import Counters, DeliveryOptions, Host
from ._keys import partition_for
from ._kind import Kind
from ._local_store import Checkpoint, LocalStore
from ._port import LogPort
from ._progress import Position
from ._quarantine import AT as QUARANTINE_AT
from ._quarantine import DROPPED, note, redrive_records
from ._quarantine import ERROR as QUARANTINE_ERROR
from ._quarantine import ORIGIN as QUARANTINE_ORIGIN
from ._quarantine import REASON as QUARANTINE_REASON
from ._quarantine import RELEASED as QUARANTINE_RELEASED
from ._quarantine import RESOLVED as QUARANTINE_RESOLVED
from ._quarantine import RUN as QUARANTINE_RUN
from ._records import Header, Inbound, Outbound, TopicPartition
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
from ._turn import current_turn

__all__ = [
    "CORRELATION",
    "DROPPED",
    "QUARANTINE_AT",
    "QUARANTINE_ERROR",
    "QUARANTINE_ORIGIN",
    "QUARANTINE_REASON",
    "QUARANTINE_RELEASED",
    "QUARANTINE_RESOLVED",
    "QUARANTINE_RUN",
    "REPLY_TO",
    "TYPE",
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
    "Kind",
    "LocalStore",
    "LogPort",
    "Mark",
    "MessageId",
    "Outbound",
    "Position",
    "StoredState",
    "TopicPartition",
    "Tracker",
    "Window",
    "batch_headers",
    "batch_time",
    "check_system_name",
    "current_turn",
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
