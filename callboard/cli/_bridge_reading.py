"""Reading `bridge.toml`: everything that is wrong in it is told, with its line."""

import os
import re
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, NamedTuple

from ..actors import Entity, HandlerError
from ..schemas import Message
from ..transport.bridges import (
    ActiveMQ,
    BridgeOptions,
    FieldRule,
    RabbitMQ,
    RedisStreams,
    Source,
    field_mapping,
)
from ._bridge_file import BridgeFile, BridgeFileError, BridgeSpec
from ._target import TargetError, load_object
from ._toml_lines import TomlLines


class _Kind(NamedTuple):
    """A kind of source: what makes it, its settings, and those that must be there."""

    make: Callable[..., Source]
    settings: Mapping[str, type]
    needed: Sequence[str]


_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_TIMES: dict[str, type] = {"timeout": float, "idle": float}
_QUEUE: dict[str, type] = {"url": str, "queue": str, "prefetch": int, **_TIMES}
_STREAM: dict[str, type] = {"url": str, "stream": str, "group": str, "field": str, **_TIMES}
_KINDS = {
    "rabbitmq": _Kind(RabbitMQ, _QUEUE, ("url", "queue")),
    "activemq": _Kind(ActiveMQ, _QUEUE, ("url", "queue")),
    "redis": _Kind(RedisStreams, _STREAM, ("url", "stream")),
}
_OPTIONS: dict[str, type] = {each.name: int for each in fields(BridgeOptions)}
_OF_BRIDGES: dict[str, type] = {
    **dict.fromkeys(("source", "to", "key", "reply", "adapter", "message"), str),
    **dict.fromkeys(("fields", "where"), dict),
    **_OPTIONS,
}
_OF_FILES: dict[str, type] = {"system": str, "transport": str, "node": str, "bridges": dict}
_OF_FIELDS = ("from", "default", "value")
_WRITTEN = {str: "text", int: "a whole number", float: "a number", dict: "a table"}
_EXAMPLE = (
    '[bridges.departures]\n  source = "rabbitmq"\n  url = "${RABBITMQ_URL}"\n'
    '  queue = "departures"\n  to = "air.actors:Aircraft"\n  key = "tailnum"'
)


def read_bridge_file(path: Path, environment: Mapping[str, str] = os.environ) -> BridgeFile:
    """Read a file.

    Raises:
        BridgeFileError: Names every line that is wrong, and says what would be right. Shows no
            value of a variable.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise BridgeFileError(f"{path} cannot be read: {said}") from error
    try:
        said_in_it = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BridgeFileError(f"{path} is no TOML: {error}") from error
    return _Reading(path, TomlLines(text), environment).file(said_in_it)


class _Reading:
    """Reads a file, and collects what is wrong with it."""

    def __init__(self, path: Path, lines: TomlLines, environment: Mapping[str, str]) -> None:
        self._path = path
        self._lines = lines
        self._environment = environment
        self._wrong: list[tuple[int, str]] = []

    def file(self, said: Mapping[str, Any]) -> BridgeFile:
        """Return what the whole file says."""
        values = self._checked(said, _OF_FILES, (), "a file of bridges")
        if "system" not in said and not self._wrong:
            self._is_wrong((), "system is missing; whose entities are they? system = 'air'")
        tables: dict[str, Any] = values.get("bridges", {})
        if not tables and not self._wrong:
            self._is_wrong((), f"there is no bridge in it; expected, for each,\n  {_EXAMPLE}")
        specs = [self._bridge(name, table) for name, table in tables.items()]
        for spec in specs if not self._wrong else ():
            self._declared(spec, values["system"])
        if self._wrong:
            raise BridgeFileError(
                "\n".join(f"{self._path}:{line}: {said}" for line, said in sorted(self._wrong))
            )
        return BridgeFile(
            self._path,
            values["system"],
            values.get("transport"),
            values.get("node"),
            tuple(each for each in specs if each is not None),
        )

    def _bridge(self, name: str, said: Any) -> BridgeSpec | None:
        at = ("bridges", name)
        before = len(self._wrong)
        if not isinstance(said, dict):
            self._is_wrong(at, f"{name} is no table; expected\n  {_EXAMPLE}")
            return None
        named = said.get("source")
        kind = _KINDS.get(named) if isinstance(named, str) else None
        if kind is None:
            got = "is missing" if named is None else f"is {named!r}"
            expected = " or ".join(repr(each) for each in _KINDS)
            self._is_wrong((*at, "source"), f"source {got}; expected {expected}")
            return None
        known = {**_OF_BRIDGES, **kind.settings}
        values = self._checked(said, known, at, f"a bridge from {named}")
        for needed in (*kind.needed, "to", "key"):
            if needed not in said:
                self._is_wrong(at, f"{needed} is missing in bridge {name!r}")
        if len(self._wrong) > before:
            return None
        source = self._made(at, kind.make, values, kind.settings)
        options = self._made(at, BridgeOptions, values, _OPTIONS)
        to = self._loaded((*at, "to"), values["to"], _is_entity, "an Entity class")
        adapter = self._adapter(at, name, values)
        if values.get("reply", "json") not in {"json", "protobuf"}:
            self._is_wrong((*at, "reply"), "expected reply = 'json' or 'protobuf'")
        if len(self._wrong) > before:
            return None
        return BridgeSpec(
            name,
            source,
            to,
            values["key"],
            adapter,
            options,
            values.get("reply"),
            self._lines.of(*at),
        )

    def _declared(self, spec: BridgeSpec | None, system: str) -> None:
        """Find out whether adapter, entity and key fit together."""
        assert spec is not None, "nothing is wrong with it so far"
        try:
            spec.declared(system)
        except (HandlerError, ValueError) as error:
            self._is_wrong(("bridges", spec.name), f"bridge {spec.name!r}: {error}")

    def _adapter(
        self, at: tuple[str, ...], name: str, values: Mapping[str, Any]
    ) -> Callable[..., Any] | None:
        if "adapter" in values:
            others = sorted({"message", "fields", "where"} & values.keys())
            if others:
                self._is_wrong(
                    (*at, others[0]),
                    f"{others[0]} beside adapter; the adapter makes the command, so leave one out",
                )
            adapter: Callable[..., Any] | None = self._loaded(
                (*at, "adapter"), values["adapter"], _is_plain, "a function that is not async"
            )
            return adapter
        if "message" not in values:
            for each in ("fields", "where"):
                if each in values:
                    self._is_wrong(
                        (*at, each), "of which message? Say message = 'air.v1.air_pb2:Departed'"
                    )
            return None
        message: type[Message] | None = self._loaded(
            (*at, "message"), values["message"], _is_message, "a protobuf message class"
        )
        rules = {
            path: rule
            for path, said in _flat(values.get("fields", {})).items()
            if (rule := self._rule((*at, "fields", *path.split(".")), said)) is not None
        }
        if message is None:
            return None
        try:
            return field_mapping(message, rules, _flat(values.get("where", {})), name=name)
        except LookupError as error:
            (said,) = error.args
            wrong = next((each for each in rules if f"{each.split('.')[-1]!r}" in said), "")
            self._is_wrong((*at, "fields", *wrong.split(".")), said)
            return None

    def _rule(self, at: tuple[str, ...], said: Any) -> FieldRule | None:
        if isinstance(said, str):
            return FieldRule(said)
        if isinstance(said, dict) and "value" in said and len(said) == 1:
            return FieldRule(None, said["value"])
        if isinstance(said, dict) and isinstance(said.get("from"), str):
            if "default" in said and len(said) == 2:
                return FieldRule(said["from"], said["default"])
            if len(said) == 1:
                return FieldRule(said["from"])
        self._is_wrong(
            at,
            f"{at[-1]} comes from nowhere; expected a place, as in 'flight.tailnum' or "
            f"'header:origin', or {{ from = 'delay', default = 0 }}, or {{ value = 'UA' }}",
        )
        return None

    def _loaded(
        self, at: tuple[str, ...], path: str, fits: Callable[[Any], bool], expected: str
    ) -> Any:
        try:
            found = load_object(path)
        except TargetError as error:
            self._is_wrong(at, str(error))
            return None
        if not fits(found):
            self._is_wrong(at, f"{path!r} is of type {type(found).__name__}; expected {expected}")
            return None
        return found

    def _made(
        self,
        at: tuple[str, ...],
        make: Callable[..., Any],
        values: Mapping[str, Any],
        names: Collection[str],
    ) -> Any:
        try:
            return make(**{name: values[name] for name in names if name in values})
        except ValueError as error:
            said = str(error)
            about = next((name for name in names if said.startswith(name)), "url")
            self._is_wrong((*at, about), said)
            return None

    def _checked(
        self, said: Mapping[str, Any], known: Mapping[str, type], at: tuple[str, ...], what: str
    ) -> dict[str, Any]:
        """Return what is right of a table, with its variables replaced."""
        right: dict[str, Any] = {}
        for name, value in said.items():
            wanted = known.get(name)
            if wanted is None:
                near = get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
                self._is_wrong((*at, name), f"{name!r} is no setting of {what}; {hint}")
            elif not _is_a(value, wanted):
                self._is_wrong(
                    (*at, name),
                    f"{name} is of type {type(value).__name__}; expected {_WRITTEN[wanted]}",
                )
            elif isinstance(value, str):
                right[name] = self._replaced((*at, name), value)
            else:
                right[name] = value
        return right

    def _replaced(self, at: tuple[str, ...], text: str) -> str:
        def value(found: "re.Match[str]") -> str:
            name = found[1]
            if name not in self._environment and found[2] is None:
                self._is_wrong(
                    at,
                    f"{at[-1]} names the variable {name}, which is not set; set it, or give a "
                    f"default: ${{{name}:-...}}",
                )
                return ""
            return self._environment.get(name, found[2])

        return _VARIABLE.sub(value, text)

    def _is_wrong(self, at: tuple[str, ...], said: str) -> None:
        self._wrong.append((self._lines.of(*at), said))


def _is_a(value: object, wanted: type) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float if wanted is float else wanted)


def _is_plain(found: object) -> bool:
    return callable(found) and not iscoroutinefunction(found)


def _is_entity(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Entity)


def _is_message(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Message)


def _flat(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return the settings of a table and of those inside, whose names TOML takes apart at dots."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict) and not set(value) & set(_OF_FIELDS):
            found |= _flat(value, f"{before}{name}.")
        else:
            found[before + name] = value
    return found
