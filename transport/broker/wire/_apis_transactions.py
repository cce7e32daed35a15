"""Requests of idempotent and transactional producers: versions and structures."""

from ._api import ERROR, Api, throttle
from ._schema import BOOL, I16, I32, I64, TEXT, Array, Field, Structure, each

INIT_PRODUCER_ID = Api(
    22, "init_producer_id", 0, 1,
    Structure(Field("transactional_id", TEXT), Field("timeout_ms", I32)),
    Structure(
        throttle(0), ERROR, Field("producer_id", I64, default=-1),
        Field("producer_epoch", I16, default=-1),
    ),
)  # fmt: skip

ADD_PARTITIONS_TO_TXN = Api(
    24, "add_partitions_to_txn", 0, 2,
    Structure(
        Field("transactional_id", TEXT), Field("producer_id", I64), Field("producer_epoch", I16),
        Field("topics", each(Field("name", TEXT), Field("partitions", Array(I32)))),
    ),
    Structure(
        throttle(0),
        Field("topics", each(
            Field("name", TEXT), Field("partitions", each(Field("index", I32), ERROR)),
        )),
    ),
)  # fmt: skip

ADD_OFFSETS_TO_TXN = Api(
    25, "add_offsets_to_txn", 0, 2,
    Structure(
        Field("transactional_id", TEXT), Field("producer_id", I64), Field("producer_epoch", I16),
        Field("group", TEXT),
    ),
    Structure(throttle(0), ERROR),
)  # fmt: skip

END_TXN = Api(
    26, "end_txn", 0, 2,
    Structure(
        Field("transactional_id", TEXT), Field("producer_id", I64), Field("producer_epoch", I16),
        Field("commit", BOOL),
    ),
    Structure(throttle(0), ERROR),
)  # fmt: skip

TXN_OFFSET_COMMIT = Api(
    28, "txn_offset_commit", 0, 2,
    Structure(
        Field("transactional_id", TEXT), Field("group", TEXT), Field("producer_id", I64),
        Field("producer_epoch", I16),
        Field("topics", each(
            Field("name", TEXT),
            Field("partitions", each(
                Field("index", I32), Field("offset", I64),
                Field("leader_epoch", I32, 2, default=-1), Field("metadata", TEXT),
            )),
        )),
    ),
    Structure(
        throttle(0),
        Field("topics", each(
            Field("name", TEXT), Field("partitions", each(Field("index", I32), ERROR)),
        )),
    ),
)  # fmt: skip
