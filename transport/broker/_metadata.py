"""Answers about the cluster: its brokers, topics and leaders, and what requests it answers."""

from ._state import BrokerState, Call
from ._topics import Partition, Topic
from .log import StorageFull
from .wire import APIS, Body, ErrorCode

CLUSTER_ID = "callboard-embedded"


def api_versions(_state: BrokerState, _call: Call, _body: Body) -> Body:
    """Tell which requests are answered, in which versions."""
    return {
        "apis": [{"key": api.key, "first": api.first, "last": api.last} for api in APIS.values()]
    }


def metadata(state: BrokerState, call: Call, body: Body) -> Body:
    """Describe the brokers that are up, and topics: all of them, or those asked for."""
    wanted: list[str] | None = body["topics"]
    if wanted is None or (call.version == 0 and not wanted):
        wanted = state.topics.names()
    topics = [
        _describe(state, name, create=body["allow_auto_create"]) for name in dict.fromkeys(wanted)
    ]
    return {
        "brokers": [
            {"id": node.id, "host": node.host, "port": node.port} for node in state.cluster.live()
        ],
        "cluster_id": CLUSTER_ID,
        "controller_id": state.cluster.controller,
        "topics": topics,
    }


def _describe(state: BrokerState, name: str, *, create: bool) -> Body:
    topic: Topic | None = state.topics.find(name)
    if topic is None:
        partitions = state.options.default_partitions
        error, _ = state.topics.check(name, partitions, {})
        if error is not ErrorCode.NONE:
            return {"error_code": error, "name": name}
        if not create or not state.options.auto_create:
            return {"error_code": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "name": name}
        try:
            topic = state.topics.create(
                name,
                state.cluster.spread(
                    len(state.topics), partitions, state.cluster.default_replication
                ),
                {},
            )
        except StorageFull:
            return {"error_code": ErrorCode.KAFKA_STORAGE_ERROR, "name": name}
    parts = [_part(state, index, each) for index, each in enumerate(topic.partitions)]
    return {"name": name, "partitions": parts}


def _part(state: BrokerState, index: int, partition: Partition) -> Body:
    in_sync = state.in_sync(partition)
    leaderless = partition.leader < 0
    return {
        "index": index,
        "error_code": ErrorCode.LEADER_NOT_AVAILABLE if leaderless else ErrorCode.NONE,
        "leader": partition.leader,
        "leader_epoch": partition.epoch,
        "replicas": partition.replicas,
        "isr": in_sync,
        "offline": [node for node in partition.replicas if node not in in_sync],
    }
