"""Answers to requests that describe and change settings."""

from ._configs import SETTINGS, wrong
from ._state import BrokerState, Call
from ._topics import Topic
from .log import StorageFull
from .wire import Body, ErrorCode

_TOPIC, _BROKER = 2, 4
_OWN, _DEFAULT = 1, 5  # where a setting comes from, in the protocol's numbers
_SET, _DELETE, _APPEND, _SUBTRACT = range(4)


def describe_configs(state: BrokerState, _call: Call, body: Body) -> Body:
    """Describe the settings of topics; of this broker, none."""
    return {"resources": [_described(state, asked) for asked in body["resources"]]}


def _described(state: BrokerState, asked: Body) -> Body:
    answer: Body = {"type": asked["type"], "name": asked["name"], "configs": []}
    topic = _topic(state, asked)
    if isinstance(topic, Topic):
        answer["configs"] = [
            {
                "name": name,
                "value": value,
                "source": _OWN if name in topic.configs.own else _DEFAULT,
                "is_default": name not in topic.configs.own,
            }
            for name, value in sorted(topic.configs.all.items())
            if asked["keys"] is None or name in asked["keys"]
        ]
    elif topic is not None:
        answer["error_code"], answer["error_message"] = topic
    return answer


def _topic(state: BrokerState, asked: Body) -> "Topic | tuple[ErrorCode, str] | None":
    """Return the topic that is asked about; None for a broker, which has no settings here."""
    name: str = asked["name"]
    if asked["type"] == _BROKER:
        if name == "" or (name.isdecimal() and int(name) in state.cluster.nodes):
            return None
        return ErrorCode.INVALID_REQUEST, f"{name!r} is no broker id of this cluster"
    if asked["type"] != _TOPIC:
        return ErrorCode.INVALID_REQUEST, f"resources of type {asked['type']} have no settings here"
    topic = state.topics.find(name)
    if topic is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic."
    return topic


def alter_configs(state: BrokerState, _call: Call, body: Body) -> Body:
    """Replace the settings of topics; what is not named goes back to its default."""
    answers: list[Body] = []
    for asked in body["resources"]:
        configs = {c["name"]: c["value"] for c in asked["configs"] if c["value"] is not None}
        answers.append(_altered(state, asked, configs, only_check=body["validate_only"]))
    return {"resources": answers}


def incremental_alter_configs(state: BrokerState, _call: Call, body: Body) -> Body:
    """Change single settings of topics; the others stay."""
    answers: list[Body] = []
    for asked in body["resources"]:
        topic = _topic(state, asked)
        configs = dict(topic.configs.own) if isinstance(topic, Topic) else {}
        for change in asked["configs"]:
            _change(configs, change["name"], change["operation"], change["value"])
        answers.append(_altered(state, asked, configs, only_check=body["validate_only"]))
    return {"resources": answers}


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
        elif operation == _SUBTRACT:
            items = [item for item in items if item not in named]
        configs[name] = ",".join(items)


def _altered(state: BrokerState, asked: Body, configs: dict[str, str], *, only_check: bool) -> Body:
    answer: Body = {"type": asked["type"], "name": asked["name"]}
    topic = _topic(state, asked)
    if not isinstance(topic, Topic):
        answer["error_code"], answer["error_message"] = topic or (
            ErrorCode.INVALID_REQUEST,
            "this broker's own settings are those it was started with",
        )
        return answer
    problem = wrong(configs)
    if problem is not None:
        answer["error_code"], answer["error_message"] = ErrorCode.INVALID_CONFIG, problem
    elif not only_check:
        try:
            state.topics.configure(topic, configs)
        except StorageFull as error:
            answer["error_code"] = ErrorCode.KAFKA_STORAGE_ERROR
            answer["error_message"] = str(error)
    return answer
