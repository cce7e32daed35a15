"""Requests about records and where they are: versions and structures."""

from ._api import ERROR, Api, throttle
from ._schema import BLOB, BOOL, I8, I16, I32, I64, TEXT, Array, Field, Structure, each

_NOT_ASKED = -(2**31)  # authorized operations that nobody asked about

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
                Field("index", I32), ERROR, Field("base_offset", I64, default=-1),
                Field("log_append_time", I64, default=-1),
                Field("log_start_offset", I64, 5, default=0),
                Field("record_errors", each(Field("index", I32), Field("message", TEXT)), 8,
                      default=()),
                Field("error_message", TEXT, 8),
            )),
        )),
        throttle(1),
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
        throttle(1), Field("error_code", I16, 7, default=0),
        Field("session_id", I32, 7, default=0),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), ERROR, Field("high_watermark", I64, default=-1),
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
    2, "list_offsets", 1, 5,
    Structure(
        Field("replica_id", I32), Field("isolation_level", I8, 2, default=0),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), Field("leader_epoch", I32, 4, default=-1),
                Field("timestamp", I64),
            )),
        )),
    ),
    Structure(
        throttle(2),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), ERROR, Field("timestamp", I64, default=-1),
                Field("offset", I64, default=-1), Field("leader_epoch", I32, 4, default=-1),
            )),
        )),
    ),
)  # fmt: skip

METADATA = Api(
    3, "metadata", 0, 8,
    Structure(
        Field("topics", Array(TEXT)), Field("allow_auto_create", BOOL, 4, default=True),
        Field("cluster_operations", BOOL, 8, default=False),
        Field("topic_operations", BOOL, 8, default=False),
    ),
    Structure(
        throttle(3),
        Field("brokers", each(
            Field("id", I32), Field("host", TEXT), Field("port", I32), Field("rack", TEXT, 1),
        )),
        Field("cluster_id", TEXT, 2), Field("controller_id", I32, 1),
        Field("topics", each(
            ERROR, Field("name", TEXT), Field("is_internal", BOOL, 1, default=False),
            Field("partitions", each(
                ERROR, Field("index", I32), Field("leader", I32),
                Field("leader_epoch", I32, 7, default=-1), Field("replicas", Array(I32)),
                Field("isr", Array(I32)), Field("offline", Array(I32), 5, default=()),
            ), default=()),
            Field("operations", I32, 8, default=_NOT_ASKED),
        )),
        Field("operations", I32, 8, default=_NOT_ASKED),
    ),
)  # fmt: skip

OFFSET_FOR_LEADER_EPOCH = Api(
    23, "offset_for_leader_epoch", 0, 3,
    Structure(
        Field("replica_id", I32, 3, default=-1),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), Field("current_leader_epoch", I32, 2, default=-1),
                Field("leader_epoch", I32),
            )),
        )),
    ),
    Structure(
        throttle(2),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                ERROR, Field("index", I32), Field("leader_epoch", I32, 1, default=-1),
                Field("end_offset", I64, default=-1),
            )),
        )),
    ),
)  # fmt: skip

DELETE_RECORDS = Api(
    21, "delete_records", 0, 1,
    Structure(
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(Field("index", I32), Field("offset", I64))),
        )),
        Field("timeout_ms", I32),
    ),
    Structure(
        throttle(0),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), Field("low_watermark", I64, default=-1), ERROR,
            )),
        )),
    ),
)  # fmt: skip
