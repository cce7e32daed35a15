"""The straight way: commands of foreign messages, as records of their entities' mailboxes."""

import contextlib
from collections.abc import Callable, Collection, Sequence
from itertools import count

from ..consumers import DROPPED, RouteTarget
from ..delivery import ID, TIME, Codec, Header, Inbound, Outbound, TopicPartition, message_headers
from ._declared import Bridge
from ._foreign import ForeignMessage
from ._intake import TRACE, Received, as_bytes, key_of
from ._questions import question_headers

Place = Callable[[str, str], tuple[TopicPartition, bytes]]
"""Returns where the mail of an entity, of a kind and with an id, goes, and its key."""


class DirectRoute:
    """Makes of foreign messages what their entities get, where nothing has to wait for that.

    A message whose adapter fails, or whose command cannot be written, is left to the intake, where
    its consumer tries again and has a quarantine. What follows it for the same entity, as far as
    one is known, goes the same way: it would overtake otherwise.

    Args:
        bridge: Its declaration.
        target: Calls the adapter.
        codec: Writes commands.
        kind: Of the entities.
        sender: Names the bridge as who sends.
        place: Where mail goes.
        run: A name that no other run of a bridge has: of messages without an id.
    """

    def __init__(
        self,
        bridge: Bridge,
        target: RouteTarget,
        codec: Codec,
        *,
        kind: str,
        sender: Header,
        place: Place,
        run: str,
    ) -> None:
        self.kind = kind
        """Of the entities."""
        self._target = target
        self._codec = codec
        self._sender = sender
        self._place = place
        self._answers = bridge.answers
        # Behind it no id of somebody else's looks like one of callboard's, which would be counted.
        self._suffix = f"~{bridge.name}"
        self._run = run
        self._numbers = count()
        self._detours: set[str] = set()
        received = target.accepted
        assert isinstance(received, Received), "every bridge's consumer has one"
        self._decode = received.message_of

    def detour(self, entities: Collection[str]) -> None:
        """Leave all that is for some entities to the intake from now on."""
        self._detours.update(entities)

    def detour_only(self, entities: Collection[str]) -> None:
        """Leave what is for some entities to the intake, and nothing else any more."""
        self._detours = set(entities)

    def came_before(self, record: Inbound) -> None:
        """Leave what is for the same entity as a record of the intake to the intake."""
        # When its adapter fails, nobody knows whose it is.
        with contextlib.suppress(Exception):
            ready = self._target.prepare(record, dict(record.headers))
            if ready is not DROPPED:
                self._detours.add(ready.id)

    def records_of(self, message: ForeignMessage, time: bytes) -> Sequence[Outbound] | None:
        """Return what an entity gets, which may be nothing; None if it has to take the intake.

        Args:
            message: What came.
            time: When it is written, as CloudEvents has it.
        """
        try:
            ready = self._target.routed(self._decode(message), key_of(message))
        except Exception:  # noqa: BLE001 - the adapter is user code; the intake's consumer reports it
            return None
        if ready is DROPPED:
            return ()
        if ready.id in self._detours:
            return None
        try:
            to, key = self._place(self.kind, ready.id)
            type_, value = self._codec.encode(ready.command)
        except Exception:  # noqa: BLE001 - as above
            self._detours.add(ready.id)
            return None
        own = message.id or f"{self._run}.{next(self._numbers)}"
        headers = message_headers(type_, self._sender, "")
        headers[-1] = (ID, as_bytes(own + self._suffix))
        headers.append((TIME, time))
        headers += [
            (name, as_bytes(message.headers[name])) for name in TRACE if name in message.headers
        ]
        if self._answers:
            headers += question_headers(message, self._answers)
        return (Outbound(to, key, value, headers),)
