"""Requests about groups and what they have committed: versions and structures."""

from ._api import ERROR, Api, throttle
from ._schema import BLOB, BOOL, I8, I16, I32, I64, TEXT, Array, Field, Structure, each

OFFSET_COMMIT = Api(
    8, "offset_commit", 2, 7,
    Structure(
        Field("group", TEXT), Field("generation", I32), Field("member", TEXT),
        Field("instance", TEXT, 7), Field("retention_ms", I64, 2, 4, default=-1),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), Field("offset", I64),
                Field("leader_epoch", I32, 6, default=-1), Field("metadata", TEXT),
            )),
        )),
    ),
    Structure(
        throttle(3),
        Field("topics", each(
            Field("name", TEXT), Field("partitions", each(Field("index", I32), ERROR)),
        )),
    ),
)  # fmt: skip

OFFSET_FETCH = Api(
    9, "offset_fetch", 1, 5,
    Structure(
        Field("group", TEXT),
        Field("topics", each(Field("name", TEXT), Field("partitions", Array(I32)))),
    ),
    Structure(
        throttle(3),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), Field("offset", I64),
                Field("leader_epoch", I32, 5, default=-1), Field("metadata", TEXT), ERROR,
            )),
        )),
        Field("error_code", I16, 2, default=0),
    ),
)  # fmt: skip

FIND_COORDINATOR = Api(
    10, "find_coordinator", 0, 2,
    Structure(Field("key", TEXT), Field("key_type", I8, 1, default=0)),
    Structure(
        throttle(1), ERROR, Field("error_message", TEXT, 1), Field("id", I32),
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
        throttle(2), ERROR, Field("generation", I32, default=-1),
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
    Structure(throttle(1), ERROR),
)  # fmt: skip

LEAVE_GROUP = Api(
    13, "leave_group", 0, 3,
    Structure(
        Field("group", TEXT), Field("member", TEXT, 0, 2),
        Field("members", each(Field("member", TEXT), Field("instance", TEXT)), 3, default=()),
    ),
    Structure(
        throttle(1), ERROR,
        Field("members", each(Field("member", TEXT), Field("instance", TEXT), ERROR), 3,
              default=()),
    ),
)  # fmt: skip

SYNC_GROUP = Api(
    14, "sync_group", 0, 3,
    Structure(
        Field("group", TEXT), Field("generation", I32), Field("member", TEXT),
        Field("instance", TEXT, 3),
        Field("assignments", each(Field("member", TEXT), Field("assignment", BLOB))),
    ),
    Structure(throttle(1), ERROR, Field("assignment", BLOB, default=b"")),
)  # fmt: skip

DESCRIBE_GROUPS = Api(
    15, "describe_groups", 0, 4,
    Structure(
        Field("groups", Array(TEXT)), Field("operations_asked", BOOL, 3, default=False),
    ),
    Structure(
        throttle(1),
        Field("groups", each(
            ERROR, Field("group", TEXT), Field("state", TEXT), Field("protocol_type", TEXT),
            Field("protocol", TEXT),
            Field("members", each(
                Field("id", TEXT), Field("instance", TEXT, 4), Field("client_id", TEXT),
                Field("client_host", TEXT), Field("metadata", BLOB), Field("assignment", BLOB),
            )),
            Field("operations", I32, 3, default=-(2**31)),
        )),
    ),
)  # fmt: skip

LIST_GROUPS = Api(
    16, "list_groups", 0, 2,
    Structure(),
    Structure(
        throttle(1), ERROR,
        Field("groups", each(Field("group", TEXT), Field("protocol_type", TEXT))),
    ),
)  # fmt: skip

DELETE_GROUPS = Api(
    42,
    "delete_groups",
    0,
    1,
    Structure(Field("groups", Array(TEXT))),
    Structure(throttle(0), Field("groups", each(Field("group", TEXT), ERROR))),
)

OFFSET_DELETE = Api(
    47, "offset_delete", 0, 0,
    Structure(
        Field("group", TEXT),
        Field("topics", each(
            Field("name", TEXT), Field("partitions", each(Field("index", I32))),
        )),
    ),
    Structure(
        ERROR, throttle(0),
        Field("topics", each(
            Field("name", TEXT), Field("partitions", each(Field("index", I32), ERROR)),
        )),
    ),
)  # fmt: skip
