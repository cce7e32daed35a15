"""What is said of the nodes of a system: events, published on the event stream."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeUp:
    """A node of the system is there, this one included; published on the event stream.

    Attributes:
        node: its name.
    """

    node: str


@dataclass(frozen=True, slots=True)
class NodeLeaving:
    """A node has begun to stop in good order; its actors stop one after another.

    Attributes:
        node: its name.
    """

    node: str


@dataclass(frozen=True, slots=True)
class NodeDown:
    """A node is gone, as far as this one can tell; published on the event stream.

    A node that was only cut off or asleep may come back: then a NodeUp follows. What was watched
    there has been reported as terminated by then.

    Attributes:
        node: its name.
        reason: "it has stopped", "it was started anew", "nothing was heard of it for 10 s" or
            "no such node was ever heard of".
    """

    node: str
    reason: str
