"""Which function answers which request."""

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from ._commit_requests import offset_commit, offset_delete, offset_fetch, txn_offset_commit
from ._config_requests import alter_configs, describe_configs, incremental_alter_configs
from ._fetch import fetch
from ._group_admin import delete_groups, describe_groups, list_groups
from ._group_requests import find_coordinator, heartbeat, join_group, leave_group, sync_group
from ._login_requests import sasl_authenticate, sasl_handshake
from ._lookups import delete_records, list_offsets, offset_for_leader_epoch
from ._metadata import api_versions, metadata
from ._produce import produce
from ._state import BrokerState, Call
from ._topic_requests import create_partitions, create_topics, delete_topics
from ._transaction_requests import (
    add_offsets_to_txn,
    add_partitions_to_txn,
    end_txn,
    init_producer_id,
)
from .wire import Body

Answer: TypeAlias = "Body | asyncio.Future[Body] | None"
"""An answer, a promise of one, or none that is owed."""

HANDLERS: dict[str, Callable[[BrokerState, Call, Body], Answer]] = {
    handler.__name__: handler
    for handler in (
        add_offsets_to_txn,
        add_partitions_to_txn,
        alter_configs,
        api_versions,
        create_partitions,
        create_topics,
        delete_groups,
        delete_records,
        delete_topics,
        describe_configs,
        describe_groups,
        end_txn,
        fetch,
        find_coordinator,
        heartbeat,
        incremental_alter_configs,
        init_producer_id,
        join_group,
        leave_group,
        list_groups,
        list_offsets,
        metadata,
        offset_commit,
        offset_delete,
        offset_fetch,
        offset_for_leader_epoch,
        produce,
        sasl_authenticate,
        sasl_handshake,
        sync_group,
        txn_offset_commit,
    )
}
"""By the name of the request in `wire`."""
