"""The turn: what one handler call sends, held back until it has succeeded."""

from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

from ...actors import ActorPath, ActorSystem, CallboardError, current_sender
from ._codec import SOURCE
from ._dedup import MAX_OUTPUTS
from ._records import Header, Outbound


class Turn:
    """Collects the messages an entity's handler sends while it handles one record.

    Their ids come from the record's place in the mailbox and a running index,
    so that handling the record again sends the same ids, and whoever has seen
    them drops them. A turn closes when its handler ends; a task the handler
    left running sends as an ordinary client from then on.
    """

    __slots__ = ("_name", "_offset", "_source", "floor", "open", "outputs", "sender")

    def __init__(self, source: str, offset: int, sender: Header) -> None:
        self._source = source
        self._offset = offset
        self.sender = sender
        """The header that names the entity as the one who sends."""
        self._name: str | None = None
        self.floor: bytes | None = None
        """The floor of what it sends, if that has ids of another source."""
        self.open = True
        self.outputs: list[Outbound] = []

    def forward(self, message_id: str, floor: bytes) -> None:
        """Have the one message that is sent yet carry on another's id."""
        self._name, self.floor = message_id, floor

    def next_id(self) -> str:
        """Return the id of the next message of this turn.

        Raises:
            CallboardError: The handler sent as many messages as ids can tell apart.
        """
        if self._name is not None:
            return self._name
        if len(self.outputs) >= MAX_OUTPUTS:
            raise CallboardError(f"one handler call can send {MAX_OUTPUTS:,} messages, not more")
        return f"{self._source}:{self._offset}.{len(self.outputs)}"


current_turn: ContextVar[Turn | None] = ContextVar("callboard_turn", default=None)
"""The turn of the entity handler that is running, if one is."""


def hold_back(*makes: Callable[[str], Outbound]) -> bool:
    """Put messages among what a running handler sends, which leaves when it has succeeded.

    Args:
        makes: Each builds a record from its message id; one after the other, since ids count.

    Returns:
        Whether a handler is running; otherwise nothing was done.
    """
    turn = current_turn.get()
    if turn is None or not turn.open:
        return False
    for make in makes:
        turn.outputs.append(make(turn.next_id()))
    return True


async def in_turn(running: Coroutine[Any, Any, Any], turn: Turn | None) -> Any:
    """Run the rest of a handler's call in the turn that it began in."""
    token = current_turn.set(turn)
    try:
        return await running
    finally:
        current_turn.reset(token)


def node_source(system: ActorSystem) -> Header:
    """Return the header that names a node as the one who sends."""
    return SOURCE, str(ActorPath(system.name, ("nodes", system.node))).encode()


def source_now(node: Header) -> Header:
    """Return the header that names who sends: whose turn it is, or the node outside of turns."""
    turn = current_turn.get()
    if turn is not None:
        return turn.sender
    sender = current_sender()
    return node if sender is None else (SOURCE, sender.address.encode())
