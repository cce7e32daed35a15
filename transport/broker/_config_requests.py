"""Answers to requests that describe and change settings."""

from collections import Counter

from ._configs import SETTINGS, wrong
from ._state import BrokerState, Call
from ._topics import Topic, is_topic_name
from .log import StorageFull
from .wire import Body, ErrorCode

_TOPIC, _BROKER = 2, 4
_OWN, _STATIC, _DEFAULT = 1, 4, 5  # where a setting comes from, in the protocol's numbers
_OPERATIONS = _SET, _DELETE, _APPEND, _ = range(4)


def describe_configs(state: BrokerState, call: Call, body: Body) -> Body:
    """Describe the settings of topics, and what of Kafka's own this broker has."""
    return {
        "resources": [
            _described(state, call, asked, synonyms=body["synonyms"]) for asked in body["resources"]
        ]
    }


def _described(state: BrokerState, call: Call, asked: Body, *, synonyms: bool) -> Body:
    answer: Body = {"type": asked["type"], "name": asked["name"], "configs": []}
    topic = _topic(state, call, asked)
    if isinstance(topic, Topic):
        answer["configs"] = [
            _setting(topic, name, value, synonyms=synonyms)
            for name, value in sorted(topic.configs.all.items())
            if asked["keys"] is None or name in asked["keys"]
        ]
    elif topic is None:
        answer["configs"] = [
            {"name": name, "value": value, "source": _STATIC, "read_only": True}
            for name, value in _broker_settings(state).items()
            if asked["keys"] is None or name in asked["keys"]
        ]
    else:
        answer["error_code"], answer["error_message"] = topic
    return answer


def _setting(topic: Topic, name: str, value: str, *, synonyms: bool) -> Body:
    sources = [(value, _OWN)] if name in topic.configs.own else []
    sources.append((SETTINGS[name].default, _DEFAULT))
    listed = [{"name": name, "value": each, "source": source} for each, source in sources]
    return {
        "name": name,
        "value": value,
        "source": sources[0][1],
        "is_default": name not in topic.configs.own,
        "synonyms": listed if synonyms else [],
    }


def _broker_settings(state: BrokerState) -> dict[str, str]:
    options = state.options
    return {
        "auto.create.topics.enable": str(options.auto_create).lower(),
        "default.replication.factor": str(state.cluster.default_replication),
        "group.initial.rebalance.delay.ms": str(int(options.join_delay * 1000)),
        "group.max.session.timeout.ms": str(int(options.max_session_timeout * 1000)),
        "group.min.session.timeout.ms": str(int(options.min_session_timeout * 1000)),
        "num.partitions": str(options.default_partitions),
        "transaction.max.timeout.ms": str(int(options.max_transaction_timeout * 1000)),
    }


def _topic(state: BrokerState, call: Call, asked: Body) -> "Topic | tuple[ErrorCode, str] | None":
    """Return the topic that is asked about; None for a broker, which has no settings here."""
    name: str = asked["name"]
    if asked["type"] == _BROKER:
        if name in {"", str(call.node)}:
            return None
        return ErrorCode.INVALID_REQUEST, f"this is broker {call.node}; {name!r} was asked about"
    if asked["type"] != _TOPIC:
        return ErrorCode.INVALID_REQUEST, f"resources of type {asked['type']} have no settings here"
    if not is_topic_name(name):
        return ErrorCode.INVALID_TOPIC, f"{name!r} is no topic name"
    topic = state.topics.find(name)
    if topic is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic."
    return topic


def alter_configs(state: BrokerState, call: Call, body: Body) -> Body:
    """Replace the settings of topics; what is not named goes back to its default."""
    answers: list[Body] = []
    for asked in body["resources"]:
        configs = {c["name"]: c["value"] for c in asked["configs"]}
        wrong_here = "a setting has no value" if None in configs.values() else None
        outcome = wrong_here or configs
        answers.append(_altered(state, call, asked, outcome, only_check=body["validate_only"]))
    return {"resources": answers}


def incremental_alter_configs(state: BrokerState, call: Call, body: Body) -> Body:
    """Change single settings of topics; the others stay."""
    answers: list[Body] = []
    named = Counter((asked["type"], asked["name"]) for asked in body["resources"])
    for asked in body["resources"]:
        topic = _topic(state, call, asked)
        outcome: dict[str, str] | str = dict(topic.configs.own) if isinstance(topic, Topic) else {}
        unclear = _unclear(asked["configs"])
        if named[asked["type"], asked["name"]] > 1:
            unclear = "it is named more than once"
        if unclear is not None:
            outcome = unclear
        else:
            assert isinstance(outcome, dict)
            for change in asked["configs"]:
                _change(outcome, change["name"], change["operation"], change["value"])
        answers.append(_altered(state, call, asked, outcome, only_check=body["validate_only"]))
    return {"resources": answers}


def _unclear(changes: list[Body]) -> str | None:
    names = [change["name"] for change in changes]
    if len(set(names)) < len(names):
        return "a setting is named more than once"
    for change in changes:
        if change["operation"] not in _OPERATIONS:
            return f"there is no operation {change['operation']}"
        if change["operation"] != _DELETE and change["value"] is None:
            return f"{change['name']} has no value"
    return None


def _change(configs: dict[str, str], name: str, operation: int, value: str | None) -> None:
    if operation == _DELETE:
        configs.pop(name, None)
    elif operation == _SET:
        configs[name] = value or ""
    else:
        setting = SETTINGS.get(name)
        before = configs.get(name, setting.default if setting else "")
        items = [item for item in before.split(",") if item]
        named = [item for item in (value or "").split(",") if item]
        if operation == _APPEND:
            items += [item for item in named if item not in items]
        else:
            items = [item for item in items if item not in named]
        configs[name] = ",".join(items)


def _altered(
    state: BrokerState, call: Call, asked: Body, wanted: dict[str, str] | str, *, only_check: bool
) -> Body:
    """Give a topic its settings; `wanted` may also be why there are none."""
    answer: Body = {"type": asked["type"], "name": asked["name"]}
    topic = _topic(state, call, asked)
    if not isinstance(topic, Topic):
        answer["error_code"], answer["error_message"] = topic or (
            ErrorCode.INVALID_REQUEST,
            "this broker's own settings are those it was started with",
        )
        return answer
    if isinstance(wanted, str):
        answer["error_code"], answer["error_message"] = ErrorCode.INVALID_REQUEST, wanted
        return answer
    problem = wrong(wanted)
    if problem is not None:
        answer["error_code"], answer["error_message"] = ErrorCode.INVALID_CONFIG, problem
    elif not only_check:
        try:
            state.topics.configure(topic, wanted)
        except StorageFull as error:
            answer["error_code"] = ErrorCode.KAFKA_STORAGE_ERROR
            answer["error_message"] = str(error)
    return answer
