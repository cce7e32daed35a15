"""JSON in pydantic models: what is wrong is said with its place, and without its content."""

import pytest
from pydantic import BaseModel

from callboard import DecodeError
from callboard.schemas import TypeRegistry
from callboard.transport.consumers import accepted, read_annotation
from callboard.transport.delivery import Codec


class Line(BaseModel):
    """Part of an order."""

    cents: int


class Order(BaseModel):
    """What records hold."""

    card: str
    lines: list[Line]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{"card": "4111-1111", "lines": [{"cents": "4111-1111"}]}', "lines.0.cents: Input"),
        (b'{"card": 41111111, "lines": []}', "card: Input should be a valid string"),
        (b'{"card": "4111-1111", ', "all of it: Invalid JSON"),
        (b'{"card": "4111-1111"}', "lines: Field required"),
    ],
)
def test_an_error_names_the_place_and_not_what_stands_there(raw: bytes, said: str) -> None:
    """It goes into logs and the quarantine's headers."""
    orders = accepted(read_annotation(Order, "on_order"), Codec(TypeRegistry()))
    with pytest.raises(DecodeError) as caught:
        orders.decode(raw, {})
    assert f"{len(raw)} bytes are no Order: " in str(caught.value)
    assert said in str(caught.value)
    assert "1111" not in str(caught.value)


def test_of_many_errors_the_first_are_named() -> None:
    """A record of another kind does not fill the log."""
    orders = accepted(read_annotation(Order, "on_order"), Codec(TypeRegistry()))
    raw = b'{"card": "x", "lines": [' + b",".join([b"{}"] * 40) + b"]}"
    with pytest.raises(DecodeError, match="; and 35 more") as caught:
        orders.decode(raw, {})
    assert len(str(caught.value)) < 400
