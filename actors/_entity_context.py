"""What an entity's handler knows of where it runs: `self.context`."""

from typing import Any

from ._ref import EntityRef
from ._runtime import System


class EntityContext:
    """An entity's view of its system, made and kept up to date by the transport.

    Attributes:
        system: the actor system.
        self_ref: the ref of this entity.
        log: structlog logger bound with system, node and entity.
        sender: path of who sent the message in hand; "" if unknown.
        message_id: id of the message in hand.
        attempt: 1 when it is handled for the first time.
    """

    __slots__ = ("attempt", "log", "message_id", "self_ref", "sender", "system")

    def __init__(self, *, system: System, self_ref: EntityRef[Any], log: Any) -> None:
        self.system: System = system
        self.self_ref: EntityRef[Any] = self_ref
        self.log: Any = log
        self.sender: str = ""
        self.message_id: str = ""
        self.attempt: int = 1

    def entity(self, kind: type[Any], id: str) -> EntityRef[Any]:  # noqa: A002 - the design's name
        """Return the ref of another entity; what it is told leaves when this handler succeeded."""
        return self.system.entity(kind, id)

    def now(self) -> float:
        """Return the time in seconds since the epoch, by the system's clock."""
        return self.system.wall_clock()
