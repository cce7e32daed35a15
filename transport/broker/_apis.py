"""Every request this broker answers: key, versions, and both structures.

Exactly these versions are advertised. All come before Kafka's "flexible"
encoding, which no version listed here uses.
"""

from dataclasses import dataclass

from ._schema import BLOB, BOOL, I8, I16, I32, I64, TEXT, Array, Field, Structure, each


@dataclass(frozen=True, slots=True)
class Api:
    """One kind of request.

    Attributes:
        key: Its number in the protocol.
        name: Its name, as control points take it.
        first: The oldest version answered.
        last: The newest version answered.
        request: What clients send.
        response: What they get.
    """

    key: int
    name: str
    first: int
    last: int
    request: Structure
    response: Structure


def _throttle(since: int) -> Field:
    return Field("throttle_time_ms", I32, since, default=0)


_ERROR = Field("error_code", I16, default=0)
_MESSAGE = Field("error_message", TEXT)

PRODUCE = Api(
    0, "produce", 3, 8,
    Structure(
        Field("transactional_id", TEXT), Field("acks", I16), Field("timeout_ms", I32),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(Field("index", I32), Field("records", BLOB))),
        )),
    ),
    Structure(
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), _ERROR, Field("base_offset", I64, default=-1),
                Field("log_append_time", I64, default=-1),
                Field("log_start_offset", I64, 5, default=0),
                Field("record_errors", each(Field("index", I32), Field("message", TEXT)), 8,
                      default=()),
                Field("error_message", TEXT, 8),
            )),
        )),
        _throttle(1),
    ),
)  # fmt: skip

FETCH = Api(
    1, "fetch", 4, 11,
    Structure(
        Field("replica_id", I32), Field("max_wait_ms", I32), Field("min_bytes", I32),
        Field("max_bytes", I32), Field("isolation_level", I8),
        Field("session_id", I32, 7, default=0), Field("session_epoch", I32, 7, default=-1),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), Field("leader_epoch", I32, 9, default=-1),
                Field("offset", I64), Field("log_start_offset", I64, 5, default=-1),
                Field("max_bytes", I32),
            )),
        )),
        Field("forgotten", each(Field("name", TEXT), Field("partitions", Array(I32))), 7),
        Field("rack", TEXT, 11, default=""),
    ),
    Structure(
        _throttle(1), Field("error_code", I16, 7, default=0),
        Field("session_id", I32, 7, default=0),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), _ERROR, Field("high_watermark", I64, default=-1),
                Field("last_stable_offset", I64, default=-1),
                Field("log_start_offset", I64, 5, default=-1),
                Field("aborted", each(Field("producer_id", I64), Field("first_offset", I64))),
                Field("preferred_read_replica", I32, 11, default=-1),
                Field("records", BLOB, default=b""),
            )),
        )),
    ),
)  # fmt: skip

LIST_OFFSETS = Api(
    2, "list_offsets", 1, 3,
    Structure(
        Field("replica_id", I32), Field("isolation_level", I8, 2, default=0),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(Field("index", I32), Field("timestamp", I64))),
        )),
    ),
    Structure(
        _throttle(2),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), _ERROR, Field("timestamp", I64, default=-1),
                Field("offset", I64, default=-1),
            )),
        )),
    ),
)  # fmt: skip

METADATA = Api(
    3, "metadata", 0, 5,
    Structure(Field("topics", Array(TEXT)), Field("allow_auto_create", BOOL, 4, default=True)),
    Structure(
        _throttle(3),
        Field("brokers", each(
            Field("id", I32), Field("host", TEXT), Field("port", I32), Field("rack", TEXT, 1),
        )),
        Field("cluster_id", TEXT, 2), Field("controller_id", I32, 1),
        Field("topics", each(
            _ERROR, Field("name", TEXT), Field("is_internal", BOOL, 1, default=False),
            Field("partitions", each(
                _ERROR, Field("index", I32), Field("leader", I32), Field("replicas", Array(I32)),
                Field("isr", Array(I32)), Field("offline", Array(I32), 5, default=()),
            ), default=()),
        )),
    ),
)  # fmt: skip

OFFSET_COMMIT = Api(
    8, "offset_commit", 2, 3,
    Structure(
        Field("group", TEXT), Field("generation", I32), Field("member", TEXT),
        Field("retention_ms", I64),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), Field("offset", I64), Field("metadata", TEXT),
            )),
        )),
    ),
    Structure(
        _throttle(3),
        Field("topics", each(
            Field("name", TEXT), Field("partitions", each(Field("index", I32), _ERROR)),
        )),
    ),
)  # fmt: skip

OFFSET_FETCH = Api(
    9, "offset_fetch", 1, 3,
    Structure(
        Field("group", TEXT),
        Field("topics", each(Field("name", TEXT), Field("partitions", Array(I32)))),
    ),
    Structure(
        _throttle(3),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), Field("offset", I64), Field("metadata", TEXT), _ERROR,
            )),
        )),
        Field("error_code", I16, 2, default=0),
    ),
)  # fmt: skip

FIND_COORDINATOR = Api(
    10, "find_coordinator", 0, 2,
    Structure(Field("key", TEXT), Field("key_type", I8, 1, default=0)),
    Structure(
        _throttle(1), _ERROR, Field("error_message", TEXT, 1), Field("id", I32),
        Field("host", TEXT), Field("port", I32),
    ),
)  # fmt: skip

JOIN_GROUP = Api(
    11, "join_group", 0, 5,
    Structure(
        Field("group", TEXT), Field("session_timeout_ms", I32),
        Field("rebalance_timeout_ms", I32, 1, default=-1), Field("member", TEXT),
        Field("instance", TEXT, 5), Field("protocol_type", TEXT),
        Field("protocols", each(Field("name", TEXT), Field("metadata", BLOB))),
    ),
    Structure(
        _throttle(2), _ERROR, Field("generation", I32, default=-1),
        Field("protocol", TEXT, default=""), Field("leader", TEXT, default=""),
        Field("member", TEXT, default=""),
        Field("members", each(
            Field("id", TEXT), Field("instance", TEXT, 5), Field("metadata", BLOB),
        ), default=()),
    ),
)  # fmt: skip

HEARTBEAT = Api(
    12, "heartbeat", 0, 3,
    Structure(
        Field("group", TEXT), Field("generation", I32), Field("member", TEXT),
        Field("instance", TEXT, 3),
    ),
    Structure(_throttle(1), _ERROR),
)  # fmt: skip

LEAVE_GROUP = Api(
    13,
    "leave_group",
    0,
    2,
    Structure(Field("group", TEXT), Field("member", TEXT)),
    Structure(_throttle(1), _ERROR),
)

SYNC_GROUP = Api(
    14, "sync_group", 0, 3,
    Structure(
        Field("group", TEXT), Field("generation", I32), Field("member", TEXT),
        Field("instance", TEXT, 3),
        Field("assignments", each(Field("member", TEXT), Field("assignment", BLOB))),
    ),
    Structure(_throttle(1), _ERROR, Field("assignment", BLOB, default=b"")),
)  # fmt: skip

DESCRIBE_GROUPS = Api(
    15, "describe_groups", 0, 2,
    Structure(Field("groups", Array(TEXT))),
    Structure(
        _throttle(1),
        Field("groups", each(
            _ERROR, Field("group", TEXT), Field("state", TEXT), Field("protocol_type", TEXT),
            Field("protocol", TEXT),
            Field("members", each(
                Field("id", TEXT), Field("client_id", TEXT), Field("client_host", TEXT),
                Field("metadata", BLOB), Field("assignment", BLOB),
            )),
        )),
    ),
)  # fmt: skip

LIST_GROUPS = Api(
    16, "list_groups", 0, 2,
    Structure(),
    Structure(
        _throttle(1), _ERROR,
        Field("groups", each(Field("group", TEXT), Field("protocol_type", TEXT))),
    ),
)  # fmt: skip

API_VERSIONS = Api(
    18, "api_versions", 0, 2,
    Structure(),
    Structure(
        _ERROR,
        Field("apis", each(Field("key", I16), Field("first", I16), Field("last", I16))),
        _throttle(1),
    ),
)  # fmt: skip

CREATE_TOPICS = Api(
    19, "create_topics", 0, 3,
    Structure(
        Field("topics", each(
            Field("name", TEXT), Field("partitions", I32), Field("replication", I16),
            Field("assignments", each(Field("index", I32), Field("brokers", Array(I32)))),
            Field("configs", each(Field("name", TEXT), Field("value", TEXT))),
        )),
        Field("timeout_ms", I32), Field("validate_only", BOOL, 1, default=False),
    ),
    Structure(
        _throttle(2),
        Field("topics", each(Field("name", TEXT), _ERROR, Field("error_message", TEXT, 1))),
    ),
)  # fmt: skip

DELETE_TOPICS = Api(
    20,
    "delete_topics",
    0,
    3,
    Structure(Field("topics", Array(TEXT)), Field("timeout_ms", I32)),
    Structure(_throttle(1), Field("topics", each(Field("name", TEXT), _ERROR))),
)

INIT_PRODUCER_ID = Api(
    22, "init_producer_id", 0, 1,
    Structure(Field("transactional_id", TEXT), Field("timeout_ms", I32)),
    Structure(
        _throttle(0), _ERROR, Field("producer_id", I64, default=-1),
        Field("producer_epoch", I16, default=-1),
    ),
)  # fmt: skip

DESCRIBE_CONFIGS = Api(
    32, "describe_configs", 0, 2,
    Structure(
        Field("resources", each(
            Field("type", I8), Field("name", TEXT), Field("keys", Array(TEXT)),
        )),
        Field("synonyms", BOOL, 1, default=False),
    ),
    Structure(
        _throttle(0),
        Field("resources", each(
            _ERROR, _MESSAGE, Field("type", I8), Field("name", TEXT),
            Field("configs", each(
                Field("name", TEXT), Field("value", TEXT),
                Field("read_only", BOOL, default=False),
                Field("is_default", BOOL, 0, 0, default=False),
                Field("source", I8, 1, default=5), Field("sensitive", BOOL, default=False),
                Field("synonyms", each(
                    Field("name", TEXT), Field("value", TEXT), Field("source", I8),
                ), 1, default=()),
            )),
        )),
    ),
)  # fmt: skip

ALTER_CONFIGS = Api(
    33, "alter_configs", 0, 1,
    Structure(
        Field("resources", each(
            Field("type", I8), Field("name", TEXT),
            Field("configs", each(Field("name", TEXT), Field("value", TEXT))),
        )),
        Field("validate_only", BOOL),
    ),
    Structure(
        _throttle(0),
        Field("resources", each(_ERROR, _MESSAGE, Field("type", I8), Field("name", TEXT))),
    ),
)  # fmt: skip

CREATE_PARTITIONS = Api(
    37, "create_partitions", 0, 1,
    Structure(
        Field("topics", each(
            Field("name", TEXT), Field("count", I32),
            Field("assignments", Array(Array(I32))),
        )),
        Field("timeout_ms", I32), Field("validate_only", BOOL),
    ),
    Structure(_throttle(0), Field("topics", each(Field("name", TEXT), _ERROR, _MESSAGE))),
)  # fmt: skip

DELETE_GROUPS = Api(
    42,
    "delete_groups",
    0,
    1,
    Structure(Field("groups", Array(TEXT))),
    Structure(_throttle(0), Field("groups", each(Field("group", TEXT), _ERROR))),
)

APIS = {
    api.key: api
    for api in (
        PRODUCE, FETCH, LIST_OFFSETS, METADATA, OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR,
        JOIN_GROUP, HEARTBEAT, LEAVE_GROUP, SYNC_GROUP, DESCRIBE_GROUPS, LIST_GROUPS,
        API_VERSIONS, CREATE_TOPICS, DELETE_TOPICS, INIT_PRODUCER_ID, DESCRIBE_CONFIGS,
        ALTER_CONFIGS, CREATE_PARTITIONS, DELETE_GROUPS,
    )
}  # fmt: skip
