"""The turn: what one handler call sends, held back until it has succeeded."""

from contextvars import ContextVar

from ...actors import CallboardError
from ._dedup import MAX_OUTPUTS
from ._records import Header, Outbound


class Turn:
    """Collects the messages an entity's handler sends while it handles one record.

    Their ids come from the record's place in the mailbox and a running index,
    so that handling the record again sends the same ids, and whoever has seen
    them drops them. A turn closes when its handler ends; a task the handler
    left running sends as an ordinary client from then on.
    """

    __slots__ = ("_prefix", "open", "outputs", "sender")

    def __init__(self, source: str, offset: int, sender: Header) -> None:
        self._prefix = f"{source}:{offset}."
        self.sender = sender
        """The header that names the entity as the one who sends."""
        self.open = True
        self.outputs: list[Outbound] = []

    def next_id(self) -> str:
        """Return the id of the next message of this turn.

        Raises:
            CallboardError: The handler sent as many messages as ids can tell apart.
        """
        if len(self.outputs) >= MAX_OUTPUTS:
            raise CallboardError(f"one handler call can send {MAX_OUTPUTS:,} messages, not more")
        return f"{self._prefix}{len(self.outputs)}"


current_turn: ContextVar[Turn | None] = ContextVar("callboard_turn", default=None)
"""The turn of the entity handler that is running, if one is."""
