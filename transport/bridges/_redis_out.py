"""Into Redis: entries of streams, and questions with a stream for their answers."""

import asyncio
import json
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from ...actors import SchemaError
from ._foreign import BridgeError, ForeignMessage, OutgoingMessage

_BODY = "body"
_FORGOTTEN_AFTER = 3600


class RedisSending:
    """Implements `Sending` with XADD, which answers when the entry is there.

    Args:
        client: Connected when it is used.
        stream: Its key.
        field: Which field of an entry is the body; None: a JSON object is the fields.
        timeout: Seconds for each answer of Redis.
        lost: Makes the error that says what happened.
    """

    def __init__(
        self,
        client: Any,
        stream: str,
        field: str | None,
        timeout: float,
        lost: Callable[[BaseException, str], BridgeError],
    ) -> None:
        self._client = client
        self._stream = stream
        self._field = field
        self._timeout = timeout
        self._lost = lost

    async def begin(self) -> None:
        """Look whether Redis is there.

        Raises:
            BridgeError: It does not answer or refuses.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._client.ping()
        except Exception as error:
            raise self._lost(error, "cannot be written to") from error

    async def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[OutgoingMessage]:
        """See `Sending.send`."""
        made = [(each.to or self._stream, self._fields(each)) for each in messages]
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client.pipeline(transaction=False) as pipe,
            ):
                for stream, fields in made:
                    pipe.xadd(stream, fields)
                await pipe.execute()
        except Exception as error:
            raise self._lost(error, "took no entry") from error
        return []

    def _fields(self, message: OutgoingMessage) -> dict[str, bytes]:
        headers = {**message.headers, "message-id": message.id}
        if self._field is not None:
            body: dict[str, Any] = {self._field: message.body}
        else:
            body = _members(message.body)
        return {
            **{name: text.encode(errors="surrogateescape") for name, text in headers.items()},
            **body,
        }


class RedisDialogue(RedisSending):
    """Implements `Dialogue`: answers come to a stream that is forgotten after an hour's silence."""

    reply_to = ""

    async def begin(self) -> None:
        """Make the stream of answers.

        Raises:
            BridgeError: As for `RedisSending.begin`.
        """
        self.reply_to = f"{self._stream}.answers.{secrets.token_hex(8)}"
        try:
            async with asyncio.timeout(self._timeout):
                self._last = await self._client.xadd(self.reply_to, {"begin": b"1"})
        except Exception as error:
            raise self._lost(error, "gave no stream for answers") from error

    async def take(self) -> Sequence[ForeignMessage]:
        """See `Dialogue.take`."""
        while True:
            try:
                await self._client.expire(self.reply_to, _FORGOTTEN_AFTER)
                found = await self._client.xread(
                    {self.reply_to: self._last}, block=int(self._timeout * 500)
                )
            except Exception as error:
                raise self._lost(error, "was lost") from error
            if found:
                entries = found[0][1]
                self._last = entries[-1][0]
                return [self._answer(entry, fields) for entry, fields in entries]

    async def end(self) -> None:
        """Remove the stream of answers."""
        await self._client.delete(self.reply_to)

    def _answer(self, entry: bytes, fields: dict[bytes, bytes]) -> ForeignMessage:
        shown = {_text(name): _text(value) for name, value in fields.items()}
        if self._field is not None:
            return ForeignMessage(entry.decode(), fields.get(self._field.encode(), b""), shown)
        return ForeignMessage(entry.decode(), json.dumps(shown).encode(), shown)


def _members(body: bytes) -> dict[str, bytes]:
    """Return the members of a JSON object as fields.

    Raises:
        SchemaError: It is none.
    """
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not found:
        raise SchemaError(
            f"an entry of a stream has fields, and {body[:40]!r} is no JSON object; name the field "
            f"that is the body, as in RedisStreams(..., field={_BODY!r})"
        )
    return {
        str(name): (value if isinstance(value, str) else json.dumps(value)).encode()
        for name, value in found.items()
    }


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")
