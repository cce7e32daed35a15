"""An event adapter that is said and not written: which field comes from where."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError

from ...actors import DecodeError
from ...schemas import Message

HEADER = "header:"
"""Begins a place that is a header, and none in the body."""

_MISSING: Any = object()


class JsonObject(dict[str, Any]):
    """A body that is a JSON object; what stands at a place in it is an attribute of that name."""

    def __getattr__(self, place: str) -> Any:
        """Return what stands at a place: the key of a bridge may be one."""
        found = place_in(place, self, {})
        if found is _MISSING:
            raise AttributeError(place)
        return found

    @classmethod
    def model_validate_json(cls, payload: bytes) -> "JsonObject":
        """Decode a body, as a pydantic model does.

        Raises:
            ValueError: It is no JSON, or no object.
        """
        found = json.loads(payload)
        if not isinstance(found, dict):
            raise ValueError(f"it is a JSON {type(found).__name__}; expected an object")  # noqa: TRY004 as pydantic says it
        return cls(found)


class NotThereError(DecodeError):
    """A message has nothing at a place that a field comes from."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Where one field comes from.

    Attributes:
        place: `flight.tailnum` in the body, `crew.0.name` in a list of it, or `header:x-origin`;
            None for nowhere.
        default: The field's value where the message has nothing at the place, or if there is none.
    """

    place: str | None
    default: Any = _MISSING

    def read(self, body: Any, headers: Mapping[str, str]) -> Any:
        """Return the field's value as JSON has it.

        Raises:
            NotThereError: Nothing is there, and there is no default.
        """
        found = _MISSING if self.place is None else place_in(self.place, body, headers)
        if found is not _MISSING:
            return found
        if self.default is _MISSING:
            raise NotThereError(
                f"the message has nothing at {self.place!r}, and no default is given"
            )
        return self.default


def field_mapping(
    message_type: type[Message],
    fields: Mapping[str, FieldRule],
    where: Mapping[str, Any],
    *,
    name: str,
) -> Callable[[JsonObject, dict[str, str]], Message | None]:
    """Return an adapter that makes a protobuf message of a JSON body and headers.

    Args:
        message_type: What is made.
        fields: Where each of its fields comes from, by name, as in `position.lat`; if there are
            none, the body's own names are those of the fields.
        where: What has to stand at places, for a message to be taken; others are dropped. Of a
            list of values, one.
        name: Of the adapter.

    Raises:
        LookupError: The message has no such field; says which it has.
    """
    texts = {path for path in fields if _is_text(_checked_field(message_type, path))}

    def adapter(body: JsonObject, headers: dict[str, str]) -> Message | None:
        for place, wanted in where.items():
            choice = wanted if isinstance(wanted, list) else [wanted]
            if place_in(place, body, headers) not in choice:
                return None
        made: dict[str, Any] = {}
        for path, rule in fields.items():
            value = rule.read(body, headers)
            # A number where text is wanted is written as JSON writes it: 1545 becomes "1545".
            if path in texts and isinstance(value, int | float):
                value = json.dumps(value)
            _put(made, path, value)
        try:
            return ParseDict(made if fields else body, message_type())
        except ParseError as error:
            raise DecodeError(f"no {message_type.DESCRIPTOR.full_name}: {error}") from error

    adapter.__name__ = adapter.__qualname__ = name
    return adapter


def place_in(place: str, body: Any, headers: Mapping[str, str]) -> Any:
    """Return what stands at a place; a marker of its own if nothing does."""
    if place.startswith(HEADER):
        return headers.get(place.removeprefix(HEADER), _MISSING)
    found = body
    for part in place.split("."):
        if isinstance(found, Mapping) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return _MISSING
    return found


def _checked_field(message_type: type[Message], path: str) -> FieldDescriptor:
    """Return a field of a message, by its path.

    Raises:
        LookupError: There is none; says which there are.
    """
    message: Any = message_type.DESCRIPTOR
    *outer, last = path.split(".")
    for name in outer:
        field = _field(message, name)
        if field.message_type is None or field.is_repeated:
            raise LookupError(f"{message.full_name}.{name} is no message with fields of its own")
        message = field.message_type
    return _field(message, last)


def _field(message: Descriptor, name: str) -> FieldDescriptor:
    found = message.fields_by_name.get(name)
    if found is None:
        names = sorted(message.fields_by_name)
        near = get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names) or 'none'}"
        raise LookupError(f"{message.full_name} has no field {name!r}; {hint}")
    return found


def _is_text(field: FieldDescriptor) -> bool:
    return field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated


def _put(made: dict[str, Any], path: str, value: Any) -> None:
    *outer, last = path.split(".")
    for part in outer:
        made = made.setdefault(part, {})
    made[last] = value
