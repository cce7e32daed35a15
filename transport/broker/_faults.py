"""Control points: where a test makes the broker misbehave."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeAlias

from .wire import APIS, Body, ErrorCode


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What a control point is told of a request.

    Attributes:
        api: The request's name, such as `produce`.
        version: Its version.
        client_id: As the client calls itself.
        broker: The broker id that was asked.
        partitions: The (topic, partition) pairs it is about.
        group: The group it is about, if any.
        transactional_id: The transactional id it is about, if any.
    """

    api: str
    version: int
    client_id: str
    broker: int = 1
    partitions: tuple[tuple[str, int], ...] = ()
    group: str | None = None
    transactional_id: str | None = None


@dataclass(frozen=True, slots=True)
class Fail:
    """Do nothing of what was asked, and answer with an error code."""

    code: ErrorCode


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait so many seconds before doing what was asked."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Throttle:
    """Do what was asked, and tell the client in the answer to hold back for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class DropAnswer:
    """Do what was asked, and do not answer.

    Attributes:
        close: Close the connection, so that the client notices at once; else it
            waits until its own time-out.
    """

    close: bool = True


@dataclass(frozen=True, slots=True)
class DropRequest:
    """Neither do what was asked nor answer; the client waits until its own time-out."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the connection without doing what was asked."""


Action: TypeAlias = Fail | Delay | Throttle | DropAnswer | DropRequest | Disconnect
Control: TypeAlias = Callable[[RequestInfo], Action | None]


@dataclass(eq=False, slots=True)
class Fault:
    """A control point that was set. As a context manager it ends with its block.

    Attributes:
        api: The requests it is about.
        control: Decides what happens to each.
        left: How many more requests it acts on; None for all.
        hits: The requests it acted on.
    """

    api: str
    control: Control
    left: int | None = None
    hits: list[RequestInfo] = field(default_factory=list[RequestInfo])

    def remove(self) -> None:
        """Act no more."""
        self.left = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()


class Faults:
    """All control points of a broker. The first that acts on a request decides."""

    def __init__(self) -> None:
        self._faults: dict[str, list[Fault]] = {}

    def add(self, fault: Fault) -> Fault:
        """Set a control point.

        Raises:
            ValueError: There is no such request.
        """
        names = sorted(api.name for api in APIS.values())
        if fault.api not in names:
            raise ValueError(f"{fault.api!r} is no request; expected one of {', '.join(names)}")
        self._faults.setdefault(fault.api, []).append(fault)
        return fault

    def clear(self) -> None:
        """Remove all."""
        for faults in self._faults.values():
            for fault in faults:
                fault.remove()
        self._faults.clear()

    def concern(self, api: str) -> bool:
        """Tell whether any is about a kind of request."""
        return api in self._faults

    def decide(self, info: RequestInfo) -> Action | None:
        """Return what is to happen to a request."""
        faults = [fault for fault in self._faults[info.api] if fault.left != 0]
        self._faults[info.api] = faults
        for fault in faults:
            action = fault.control(info)
            if action is not None:
                fault.hits.append(info)
                if fault.left is not None:
                    fault.left -= 1
                return action
        return None


def describe(api: str, version: int, client_id: str, broker: int, body: Body) -> RequestInfo:
    """Return what control points are told of a request."""
    places: list[tuple[str, int]] = []
    for topic in body.get("topics") or ():
        if isinstance(topic, dict):
            places.extend(
                (topic["name"], part["index"] if isinstance(part, dict) else part)
                for part in topic.get("partitions") or ()
            )
    group = body.get("group")
    return RequestInfo(
        api,
        version,
        client_id,
        broker,
        tuple(places),
        group if isinstance(group, str) else None,
        body.get("transactional_id"),
    )
