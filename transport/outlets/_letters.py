"""What a record becomes in a legacy queue: its body as it is, its headers by the queue's names."""

from collections.abc import Mapping

from ...actors import DecodeError
from ..bridges import OutgoingMessage
from ..delivery import ID, SOURCE, TIME, TYPE, text

_OWN = ("ce_", "cb_")
_STANDARD = {"type": TYPE, "timestamp": TIME, "app-id": SOURCE}


class Departing:
    """Implements `Accepted`: a record of an outlet's topic as the message it is to be."""

    def decode(self, value: bytes | None, headers: Mapping[str, bytes]) -> OutgoingMessage:
        """See `Accepted`."""
        if value is None:
            raise DecodeError("the record has no value (a tombstone), so it is no message")
        said = dict(headers)
        own = {name: text(said, ours) for name, ours in _STANDARD.items() if ours in said}
        for name, raw in said.items():
            if not name.startswith(_OWN):
                own[name] = raw.decode(errors="surrogateescape")
        return OutgoingMessage(own.pop("message-id", "") or text(said, ID), value, own)
