"""Answers to requests that create, change and describe topics."""

from ._apis import APIS
from ._errors import ErrorCode
from ._schema import Body
from ._state import NODE_ID, BrokerState

_TOPIC, _BROKER = 2, 4
_OWN, _DEFAULT = 1, 5  # where a setting comes from, in the protocol's numbers


def api_versions(_state: BrokerState, _body: Body) -> Body:
    """Tell which requests are answered, in which versions."""
    return {
        "apis": [{"key": api.key, "first": api.first, "last": api.last} for api in APIS.values()]
    }


def create_topics(state: BrokerState, body: Body) -> Body:
    """Create topics, or only tell whether they could be."""
    answers: list[Body] = []
    for asked in body["topics"]:
        partitions = asked["partitions"]
        if asked["assignments"]:
            partitions = len(asked["assignments"])
        elif partitions == -1:
            partitions = state.options.default_partitions
        configs = {c["name"]: c["value"] for c in asked["configs"] or () if c["value"] is not None}
        error, why = state.topics.check(asked["name"], partitions, configs)
        if error is ErrorCode.NONE and asked["replication"] not in {-1, 1}:
            error = ErrorCode.INVALID_REPLICATION_FACTOR
            why = "this is one broker: the replication factor is 1"
        if error is ErrorCode.NONE and not body["validate_only"]:
            state.topics.create(asked["name"], partitions, configs)
        answers.append({"name": asked["name"], "error_code": error, "error_message": why or None})
    return {"topics": answers}


def delete_topics(state: BrokerState, body: Body) -> Body:
    """Delete topics with all they hold, and what groups have committed of them."""
    answers: list[Body] = []
    for name in body["topics"]:
        found = state.topics.delete(name)
        for group in state.groups.values():
            for place in [place for place in group.offsets if place[0] == name]:
                del group.offsets[place]
        code = ErrorCode.NONE if found else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        answers.append({"name": name, "error_code": code})
    return {"topics": answers}


def create_partitions(state: BrokerState, body: Body) -> Body:
    """Give topics more partitions."""
    answers: list[Body] = []
    for asked in body["topics"]:
        topic = state.topics.find(asked["name"])
        if body["validate_only"]:
            error = ErrorCode.NONE if topic else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        else:
            error = state.topics.grow(asked["name"], asked["count"])
        answers.append({"name": asked["name"], "error_code": error})
    return {"topics": answers}


def describe_configs(state: BrokerState, body: Body) -> Body:
    """Describe the settings of topics; of this broker, none."""
    return {"resources": [_config(state, asked) for asked in body["resources"]]}


def _config(state: BrokerState, asked: Body) -> Body:
    answer: Body = {"type": asked["type"], "name": asked["name"], "configs": []}
    if asked["type"] == _BROKER and asked["name"] == str(NODE_ID):
        return answer
    topic = state.topics.find(asked["name"]) if asked["type"] == _TOPIC else None
    if topic is None:
        answer["error_code"] = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        return answer
    answer["configs"] = [
        {
            "name": name,
            "value": value,
            "source": _OWN if name in topic.configs else _DEFAULT,
            "is_default": name not in topic.configs,
        }
        for name, value in sorted(topic.described().items())
        if asked["keys"] is None or name in asked["keys"]
    ]
    return answer


def alter_configs(state: BrokerState, body: Body) -> Body:
    """Replace the settings of topics; what is not named goes back to its default."""
    answers: list[Body] = []
    for asked in body["resources"]:
        topic = state.topics.find(asked["name"]) if asked["type"] == _TOPIC else None
        answer: Body = {"type": asked["type"], "name": asked["name"]}
        configs = {c["name"]: c["value"] for c in asked["configs"] if c["value"] is not None}
        if topic is None:
            answer["error_code"] = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        elif not configs.get("max.message.bytes", "1").isdecimal():
            answer["error_code"] = ErrorCode.INVALID_REQUEST
            answer["error_message"] = "max.message.bytes is a number"
        elif not body["validate_only"]:
            topic.configs = configs
        answers.append(answer)
    return {"resources": answers}
