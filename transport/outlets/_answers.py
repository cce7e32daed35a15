"""Answers of actors to legacy clients: what is asked for, and what they get."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from ...actors import SchemaError, text_of
from ...schemas import Message, as_json
from ..bridges import OutgoingMessage, read_question
from ..delivery import CORRELATION, Codec, read_reply
from ..publishers import encoded

Reply: TypeAlias = Literal["json", "protobuf"] | Callable[[Any], Any]
"""How an answer is written: as JSON, as protobuf, or as what a function makes of it."""

_CONTENT = "content-type"
ERROR = "error"
"""The header of an answer that says that there is none."""


class Answering:
    """Implements `Accepted`: a record that answers, as the message that a legacy client gets.

    It always becomes one: what cannot be written is answered with an error, since a client waits.

    Args:
        reply: How answers are written.
        codec: Knows their types.
    """

    def __init__(self, reply: Reply, codec: Codec) -> None:
        self._reply = reply
        self._codec = codec

    def decode(self, value: bytes | None, headers: Mapping[str, bytes]) -> OutgoingMessage:
        """See `Accepted`."""
        question = read_question(headers[CORRELATION])
        try:
            kind, body = self._written(read_reply(dict(headers), value, self._codec))
        except Exception as error:  # noqa: BLE001 - `reply` is user code; the client is told
            kind = {_CONTENT: "text/plain", ERROR: type(error).__name__}
            body = text_of(error).encode()
        return OutgoingMessage(
            "", body, {**kind, "correlation-id": question.correlation}, question.reply_to
        )

    def _written(self, answer: Message | BaseException | None) -> tuple[dict[str, str], bytes]:
        if isinstance(answer, BaseException):
            raise answer
        if callable(self._reply):
            made = self._reply(answer)
        elif answer is not None and self._reply == "json":
            made = as_json(answer)
        else:
            made = answer
        if made is None:
            return {}, b""
        if isinstance(made, str):
            kind = "application/json" if self._reply == "json" else "text/plain"
            return {_CONTENT: kind}, made.encode()
        _, content, body = encoded(made)
        return {_CONTENT: content[1].decode()}, body


def check_reply(reply: Any) -> None:
    """Refuse what writes no answers.

    Raises:
        SchemaError: Says what does.
    """
    if reply not in ("json", "protobuf") and not callable(reply):
        raise SchemaError(
            f"reply is {reply!r}; expected 'json', 'protobuf', or a function that makes bytes, "
            f"text, a pydantic model or a protobuf message of an answer"
        )
