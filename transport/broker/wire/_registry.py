"""Every request this broker answers, by its key.

Exactly these versions are advertised. All come before Kafka's "flexible"
encoding, which no version listed here uses: every client that is around still
speaks them, and a second encoding would double what can be wrong.
"""

from . import _apis_admin as admin
from . import _apis_data as data
from . import _apis_groups as groups
from . import _apis_security as security
from . import _apis_transactions as transactions

APIS = {
    api.key: api
    for api in (
        data.PRODUCE,
        data.FETCH,
        data.LIST_OFFSETS,
        data.METADATA,
        groups.OFFSET_COMMIT,
        groups.OFFSET_FETCH,
        groups.FIND_COORDINATOR,
        groups.JOIN_GROUP,
        groups.HEARTBEAT,
        groups.LEAVE_GROUP,
        groups.SYNC_GROUP,
        groups.DESCRIBE_GROUPS,
        groups.LIST_GROUPS,
        security.SASL_HANDSHAKE,
        admin.API_VERSIONS,
        admin.CREATE_TOPICS,
        admin.DELETE_TOPICS,
        data.DELETE_RECORDS,
        transactions.INIT_PRODUCER_ID,
        data.OFFSET_FOR_LEADER_EPOCH,
        transactions.ADD_PARTITIONS_TO_TXN,
        transactions.ADD_OFFSETS_TO_TXN,
        transactions.END_TXN,
        transactions.TXN_OFFSET_COMMIT,
        admin.DESCRIBE_CONFIGS,
        admin.ALTER_CONFIGS,
        security.SASL_AUTHENTICATE,
        admin.CREATE_PARTITIONS,
        groups.DELETE_GROUPS,
        admin.INCREMENTAL_ALTER_CONFIGS,
        groups.OFFSET_DELETE,
    )
}

API_VERSIONS = admin.API_VERSIONS
