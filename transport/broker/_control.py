"""Control points: where a test makes the broker misbehave."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What a control point is told of a request.

    Attributes:
        api: The request's name, such as `produce`.
        version: Its version.
        client_id: As the client calls itself.
    """

    api: str
    version: int
    client_id: str


@dataclass(frozen=True, slots=True)
class DropBefore:
    """Close the connection without doing what was asked."""


@dataclass(frozen=True, slots=True)
class DropAnswer:
    """Do what was asked, then close the connection without an answer."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait so many seconds before doing what was asked."""

    seconds: float


Action: TypeAlias = DropBefore | DropAnswer | Delay
Control: TypeAlias = Callable[[RequestInfo], Action | None]
