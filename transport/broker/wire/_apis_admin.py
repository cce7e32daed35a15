"""Requests about topics, settings and the broker itself: versions and structures."""

from ._api import ERROR, MESSAGE, Api, throttle
from ._schema import BOOL, I8, I16, I32, TEXT, Array, Field, Structure, each

API_VERSIONS = Api(
    18, "api_versions", 0, 2,
    Structure(),
    Structure(
        ERROR,
        Field("apis", each(Field("key", I16), Field("first", I16), Field("last", I16))),
        throttle(1),
    ),
)  # fmt: skip

CREATE_TOPICS = Api(
    19, "create_topics", 0, 4,
    Structure(
        Field("topics", each(
            Field("name", TEXT), Field("partitions", I32), Field("replication", I16),
            Field("assignments", each(Field("index", I32), Field("brokers", Array(I32)))),
            Field("configs", each(Field("name", TEXT), Field("value", TEXT))),
        )),
        Field("timeout_ms", I32), Field("validate_only", BOOL, 1, default=False),
    ),
    Structure(
        throttle(2),
        Field("topics", each(Field("name", TEXT), ERROR, Field("error_message", TEXT, 1))),
    ),
)  # fmt: skip

DELETE_TOPICS = Api(
    20,
    "delete_topics",
    0,
    3,
    Structure(Field("topics", Array(TEXT)), Field("timeout_ms", I32)),
    Structure(throttle(1), Field("topics", each(Field("name", TEXT), ERROR))),
)

DESCRIBE_CONFIGS = Api(
    32, "describe_configs", 0, 2,
    Structure(
        Field("resources", each(
            Field("type", I8), Field("name", TEXT), Field("keys", Array(TEXT)),
        )),
        Field("synonyms", BOOL, 1, default=False),
    ),
    Structure(
        throttle(0),
        Field("resources", each(
            ERROR, MESSAGE, Field("type", I8), Field("name", TEXT),
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
        throttle(0),
        Field("resources", each(ERROR, MESSAGE, Field("type", I8), Field("name", TEXT))),
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
    Structure(throttle(0), Field("topics", each(Field("name", TEXT), ERROR, MESSAGE))),
)  # fmt: skip

INCREMENTAL_ALTER_CONFIGS = Api(
    44, "incremental_alter_configs", 0, 0,
    Structure(
        Field("resources", each(
            Field("type", I8), Field("name", TEXT),
            Field("configs", each(
                Field("name", TEXT), Field("operation", I8), Field("value", TEXT),
            )),
        )),
        Field("validate_only", BOOL),
    ),
    Structure(
        throttle(0),
        Field("resources", each(ERROR, MESSAGE, Field("type", I8), Field("name", TEXT))),
    ),
)  # fmt: skip
