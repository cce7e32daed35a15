"""Streams of Redis, by a consumer group."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ._foreign import BridgeError, ForeignMessage, check_url, label_of
from ._redis_out import RedisDialogue, RedisSending

_CONSUMER = "callboard"
_CLOSING = 5.0
_OF_QUESTIONS = ("reply-to", "correlation-id")


@dataclass(frozen=True, slots=True)
class RedisStreams:
    """A stream of Redis; needs `pip install callboard[redis]`.

    Args:
        url: `redis://USER:PASSWORD@HOST:PORT/DB`, or `rediss://`.
        stream: its key; the stream is there.
        group: the consumer group, which is made at the stream's beginning if it is missing.
        field: which field of an entry is the body; the others are headers. None: the body is a
            JSON object of all fields.
        timeout: seconds for connecting, and for each answer.
        idle: seconds that one request waits for entries.
    """

    url: str = field(repr=False)
    stream: str
    group: str = "callboard"
    field: str | None = None
    timeout: float = 10.0
    idle: float = 5.0

    def __post_init__(self) -> None:
        check_url(self.url, ("redis", "rediss"), "redis://USER:PASSWORD@HOST:PORT/DB")
        for name in ("stream", "group"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty; expected a name")

    @property
    def label(self) -> str:
        """Server and stream, without secrets."""
        return label_of("redis", self.url, self.stream)

    @property
    def queue_name(self) -> str:
        """The stream's key."""
        return self.stream

    @asynccontextmanager
    async def session(self) -> AsyncGenerator["_Session"]:
        """See `Source.session`."""
        async with _connected(self) as client:
            session = _Session(self, client)
            await session.begin()
            yield session

    async def look(self, count: int) -> Sequence[ForeignMessage]:
        """See `Source.look`: what the group was given and has not acknowledged, then the rest."""
        async with _connected(self) as client:
            try:
                async with asyncio.timeout(self.timeout):
                    entries = await _unacknowledged(client, self, count)
                    since = await _given_up_to(client, self)
                    if len(entries) < count:
                        entries += await client.xrange(
                            self.stream, min=since, count=count - len(entries)
                        )
            except Exception as error:
                raise _lost(self, error, "cannot be looked into") from error
        return [_foreign(self, entry, fields) for entry, fields in entries]

    @asynccontextmanager
    async def sending(self) -> AsyncGenerator[RedisSending]:
        """See `Destination.sending`."""
        async with _connected(self) as client:
            session = RedisSending(client, *self._way())
            await session.begin()
            yield session

    @asynccontextmanager
    async def dialogue(self) -> AsyncGenerator[RedisDialogue]:
        """See `Destination.dialogue`."""
        async with _connected(self) as client:
            session = RedisDialogue(client, *self._way())
            await session.begin()
            try:
                yield session
            finally:
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(_CLOSING):
                        await session.end()

    def _way(
        self,
    ) -> tuple[str, str | None, float, Callable[[BaseException, str], BridgeError]]:
        return self.stream, self.field, self.timeout, partial(_lost, self)


@asynccontextmanager
async def _connected(source: RedisStreams) -> AsyncGenerator[Any]:
    try:
        from redis.asyncio import Redis  # noqa: PLC0415 an extra, loaded when it is used
    except ImportError as error:
        raise BridgeError("bridges from Redis need redis: pip install callboard[redis]") from error
    client = Redis.from_url(
        source.url,
        socket_connect_timeout=source.timeout,
        socket_timeout=source.timeout + source.idle,
    )
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSING):
                await client.aclose()


class _Session:
    """Implements `Session` with one consumer of the group, always of the same name.

    What a former session had and did not acknowledge is that consumer's still, and comes first.
    """

    def __init__(self, source: RedisStreams, client: Any) -> None:
        self._source = source
        self._client = client
        self._again: bytes | None = b"0"
        """Up to which entry those of former sessions were given; None when they all were."""

    async def begin(self) -> None:
        """Make the group, if it is missing.

        Raises:
            BridgeError: Redis does not answer or refuses, or the stream is not there.
        """
        source = self._source
        try:
            async with asyncio.timeout(source.timeout):
                await self._client.xgroup_create(source.stream, source.group, id="0")
        except Exception as error:
            if "BUSYGROUP" not in str(error):
                raise _lost(source, error, "cannot be consumed") from error

    async def take(self, most: int) -> Sequence[ForeignMessage]:
        """See `Session.take`."""
        while True:
            entries = await self._read(most)
            gone = [entry for entry, fields in entries if fields is None]
            if gone:  # trimmed from the stream before anybody had them: nothing is left of them
                await self._forget(gone)
            taken = [_foreign(self._source, entry, fields) for entry, fields in entries if fields]
            if taken:
                return taken

    async def acknowledge(self, messages: Sequence[ForeignMessage]) -> None:
        """See `Session.acknowledge`."""
        await self._forget([message.token[0] for message in messages])

    async def set_aside(self, message: ForeignMessage) -> str:
        """See `Session.set_aside`: into a stream beside the one that is read."""
        name = f"{self._source.stream}.refused"
        try:
            async with asyncio.timeout(self._source.timeout):
                await self._client.xadd(name, message.token[1])
        except Exception as error:
            raise _lost(self._source, error, f"did not take an entry into {name}") from error
        return name

    async def _read(self, most: int) -> Sequence[tuple[bytes, Mapping[bytes, bytes] | None]]:
        source, since = self._source, self._again
        try:
            found = await self._client.xreadgroup(
                source.group,
                _CONSUMER,
                {source.stream: b">" if since is None else since},
                count=most,
                block=None if since is not None else int(source.idle * 1000),
            )
        except Exception as error:
            raise _lost(source, error, "was lost") from error
        entries = found[0][1] if found else []
        if since is not None:
            self._again = entries[-1][0] if entries else None
        return [(entry, fields or None) for entry, fields in entries]

    async def _forget(self, entries: Sequence[bytes]) -> None:
        try:
            async with asyncio.timeout(self._source.timeout):
                await self._client.xack(self._source.stream, self._source.group, *entries)
        except Exception as error:
            raise _lost(self._source, error, "took no acknowledgement") from error


async def _unacknowledged(
    client: Any, source: RedisStreams, count: int
) -> list[tuple[bytes, Mapping[bytes, bytes]]]:
    """Return what a former session has, and a new one would be given first."""
    if not await _group(client, source):
        return []
    given = await client.xpending_range(
        source.stream, source.group, min="-", max="+", count=count, consumername=_CONSUMER
    )
    found: list[tuple[bytes, Mapping[bytes, bytes]]] = []
    for each in given:
        at = each["message_id"]
        found += await client.xrange(source.stream, min=at, max=at)  # nothing, if trimmed
    return found


async def _given_up_to(client: Any, source: RedisStreams) -> str:
    """Return after which entry the group goes on, as a range begins."""
    group = await _group(client, source)
    return f"({_text(group['last-delivered-id'])}" if group else "-"


async def _group(client: Any, source: RedisStreams) -> Mapping[str, Any]:
    """Return what Redis says of the group; nothing if there is none yet."""
    for group in await client.xinfo_groups(source.stream):
        if _text(group["name"]) == source.group:
            return group  # type: ignore[no-any-return]
    return {}


def _foreign(source: RedisStreams, entry: bytes, fields: Mapping[bytes, bytes]) -> ForeignMessage:
    own = source.field
    if own is None:
        shown = {_text(name): _text(value) for name, value in fields.items()}
        body = json.dumps(shown).encode(errors="surrogateescape")
        headers = {name: shown[name] for name in _OF_QUESTIONS if name in shown}
    else:
        name_of_body = own.encode()
        body = fields.get(name_of_body, b"")
        headers = {
            _text(name): _text(value) for name, value in fields.items() if name != name_of_body
        }
    headers["message-id"] = message_id = entry.decode()
    headers["stream"] = source.stream
    return ForeignMessage(message_id, body, headers, (entry, fields))


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _lost(source: RedisStreams, error: BaseException, what: str) -> BridgeError:
    """Return an error that says what happened to whom, and what to do."""
    kind = type(error).__name__
    said = f"no answer within {source.timeout:g} s" if isinstance(error, TimeoutError) else error
    remedy = ""
    if kind in {"AuthenticationError", "AuthenticationWrongNumberOfArgsError", "NoPermissionError"}:
        remedy = "; check user and password in the URL, and what the user may do"
    elif "no such key" in str(error) or "key to exist" in str(error) or "NOGROUP" in str(error):
        remedy = f"; there is no stream {source.stream!r}: its first entry makes it"
    elif "WRONGTYPE" in str(error):
        remedy = f"; {source.stream!r} is something else than a stream"
    return BridgeError(f"{source.label} {what}: {kind}: {said}{remedy}")
