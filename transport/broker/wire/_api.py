"""What a kind of request is: its key, its versions and both of its structures."""

from dataclasses import dataclass

from ._schema import I16, I32, TEXT, Field, Structure


@dataclass(frozen=True, slots=True)
class Api:
    """One kind of request.

    Attributes:
        key: Its number in the protocol.
        name: Its name, as control points take it.
        first: The oldest version answered.
        last: The newest version answered.
        request: What clients send.
        response: What they get.
    """

    key: int
    name: str
    first: int
    last: int
    request: Structure
    response: Structure


def throttle(since: int) -> Field:
    """Return the field that tells a client how long it is being held back."""
    return Field("throttle_time_ms", I32, since, default=0)


ERROR = Field("error_code", I16, default=0)
MESSAGE = Field("error_message", TEXT)
