"""What the actor core asks of a transport."""

from typing import Any, Protocol

from ._address import Address
from ._entity import Entity
from ._ref import ActorRef, EntityRef


class Transport(Protocol):
    """Carries messages to entities, wherever they live."""

    async def start(self) -> None:
        """Connect; return when entities can be reached. Calling it again does no harm.

        Raises:
            TransportUnavailable: nobody answers at the transport's URL.
            InvalidTransportURL: the URL cannot be understood.
        """
        ...

    def entity(self, kind: type[Entity], id: str) -> EntityRef[Any]:  # noqa: A002 - the design's name
        """Return a ref; its verbs wait for `start`."""
        ...

    def ref(self, address: Address) -> ActorRef[Any] | EntityRef[Any]:
        """Return the ref of what does not live on this node, or may live anywhere.

        Raises:
            LookupError: it is of a kind that this node does not know.
        """
        ...

    async def aclose(self) -> None:
        """Finish what is in hand, within a deadline of its own, and disconnect."""
        ...
