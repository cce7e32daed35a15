"""Adapters without code: a protobuf message of a JSON body and headers."""

import json
from typing import Any

import pytest
from google.protobuf.api_pb2 import Api
from google.protobuf.message import Message
from google.protobuf.source_context_pb2 import SourceContext

from callboard import DecodeError
from callboard.demo.v1.flights_pb2 import Flight
from callboard.transport.bridges import FieldRule, JsonObject, field_mapping

BODY = {"kind": "d", "id": 7, "plane": {"tail": "N1", "legs": [{"from": "JFK"}]}, "delay": None}


def mapped(
    fields: dict[str, FieldRule], body: Any = None, where: dict[str, Any] | None = None
) -> Message | None:
    """Map a body to a flight."""
    adapter = field_mapping(Flight, fields, where or {}, name="flights")
    raw = json.dumps(BODY if body is None else body).encode()
    return adapter(JsonObject.model_validate_json(raw), {"origin": "EWR"})


def test_fields_come_from_the_body_headers_and_constants() -> None:
    """Of objects in objects and of lists; a number becomes text where text is wanted."""
    made = mapped(
        {
            "row": FieldRule("id"),
            "number": FieldRule(None, 1545),
            "carrier": FieldRule("id"),
            "origin": FieldRule("plane.legs.0.from"),
            "destination": FieldRule("header:origin"),
            "departure_delay": FieldRule("delay"),
            "distance_miles": FieldRule("miles", 12),
        }
    )
    assert made == Flight(
        row=7, number=1545, carrier="7", origin="JFK", destination="EWR", distance_miles=12
    )


def test_without_fields_the_names_of_the_body_are_those_of_the_message() -> None:
    """And a name that the message has not is an error: nothing gets lost in silence."""
    assert mapped({}, {"row": 3, "carrier": "UA"}) == Flight(row=3, carrier="UA")
    with pytest.raises(DecodeError, match='"cargo"'):
        mapped({}, {"row": 3, "cargo": 5})


@pytest.mark.parametrize("place", ["plane.wings", "plane.legs.1.from", "id.x", "header:x", ""])
def test_what_is_not_there_is_an_error_that_names_the_place(place: str) -> None:
    """Unless a default says otherwise."""
    with pytest.raises(DecodeError, match=f"nothing at '{place}'"):
        mapped({"carrier": FieldRule(place)})
    assert mapped({"carrier": FieldRule(place, "-")}) == Flight(carrier="-")


@pytest.mark.parametrize(
    ("where", "taken"),
    [
        ({"kind": "d"}, True),
        ({"kind": "a"}, False),
        ({"kind": ["a", "d"], "header:origin": "EWR"}, True),
        ({"kind": "d", "header:origin": "JFK"}, False),
        ({"nowhere": "d"}, False),
    ],
)
def test_what_is_not_meant_is_dropped(where: dict[str, Any], taken: bool) -> None:
    """All conditions hold, or nothing is made."""
    assert (mapped({"row": FieldRule("id")}, where=where) is not None) is taken


@pytest.mark.parametrize(("place", "said"), [("plane", "row"), ("kind", "row")])
def test_a_value_that_does_not_fit_names_the_field(place: str, said: str) -> None:
    """It is an error of decoding: the message goes to quarantine."""
    with pytest.raises(DecodeError, match=said):
        mapped({"row": FieldRule(place)})


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("carier", "no field 'carier'; did you mean 'carrier'"),
        ("zzz", "no field 'zzz'; it has arrival_delay"),
        ("row.x", "Flight.row is no message"),
    ],
)
def test_a_field_that_is_none_is_refused_when_it_is_declared(field: str, said: str) -> None:
    """Not by the first message."""
    with pytest.raises(LookupError, match=said):
        field_mapping(Flight, {field: FieldRule("id")}, {}, name="flights")


def test_a_field_of_a_message_in_a_message_has_a_path() -> None:
    """Messages inside are made as need be."""
    fields = {"name": FieldRule("id"), "source_context.file_name": FieldRule("file")}
    adapter = field_mapping(Api, fields, {}, name="apis")
    made = adapter(JsonObject(id=3, file="a.proto"), {})
    assert made == Api(name="3", source_context=SourceContext(file_name="a.proto"))


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b"5", b"\xff"])
def test_a_body_that_is_no_json_object_is_a_value_error(raw: bytes) -> None:
    """As of pydantic's models, which makes it an error of decoding."""
    with pytest.raises(ValueError):  # noqa: PT011 what JSON's reader says is its own
        JsonObject.model_validate_json(raw)


def test_a_body_has_what_stands_at_a_place_as_an_attribute() -> None:
    """So that the key of a bridge may be a place."""
    body = JsonObject(BODY)
    assert getattr(body, "plane.tail") == "N1"
    with pytest.raises(AttributeError):
        getattr(body, "plane.wings")
