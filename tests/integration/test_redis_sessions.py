"""What comes with an entry of a Redis stream, and what a session says when something is wrong."""

import asyncio
import json
from typing import Any

import pytest
from redis.asyncio import Redis
from support.consuming import fresh
from support.redis_server import RedisServer
from support.silent_server import silent_server

from callboard import BridgeError, RedisStreams


async def add(server: RedisServer, stream: str, *entries: dict[Any, Any]) -> list[str]:
    """Add entries to a stream; return their ids."""
    async with Redis.from_url(server.url, decode_responses=True) as client:
        return [str(await client.xadd(stream, each)) for each in entries]


async def test_what_comes_with_an_entry(redis: RedisServer) -> None:
    """All fields as JSON; or one as the body and the others as headers."""
    stream = fresh("s")
    first, second = await add(
        redis, stream, {"tail": "N1", "late": "5"}, {"body": b"\xff", "a": "b"}
    )
    async with RedisStreams(redis.url, stream=stream).session() as session:
        taken = await session.take(10)
        assert [each.id for each in taken] == [first, second]
        assert json.loads(taken[0].body) == {"tail": "N1", "late": "5"}
        assert await session.set_aside(taken[0]) == f"{stream}.refused"
        await session.acknowledge(taken)
    async with RedisStreams(redis.url, stream=stream, group="other", field="body").session() as one:
        taken = await one.take(10)
        assert [each.body for each in taken] == [b"", b"\xff"]
        assert taken[1].headers == {"a": "b", "message-id": second, "stream": stream}
    async with RedisStreams(redis.url, stream=f"{stream}.refused").session() as session:
        (kept,) = await session.take(10)
        assert json.loads(kept.body) == {"tail": "N1", "late": "5"}


async def test_what_was_not_acknowledged_comes_again(redis: RedisServer) -> None:
    """First, and in its order; what was trimmed meanwhile is forgotten."""
    stream = fresh("s")
    ids = await add(redis, stream, *({"n": str(n)} for n in range(10)))
    source = RedisStreams(redis.url, stream=stream)
    async with source.session() as session:
        await session.acknowledge(await session.take(3))
        await session.take(4)
    async with Redis.from_url(redis.url) as client:
        await client.xdel(stream, ids[4])
    async with source.session() as session:
        again: list[str] = []
        while len(again) < 6:
            taken = await session.take(2)
            again.extend(each.id for each in taken)
            await session.acknowledge(taken)
    assert again == [ids[3], *ids[5:]]
    async with Redis.from_url(redis.url) as client:
        assert (await client.xpending(stream, "callboard"))["pending"] == 0


async def test_an_idle_stream_is_waited_for(redis: RedisServer) -> None:
    """Beyond one request; and a stream that is deleted under us is noticed."""
    stream = fresh("s")
    await add(redis, stream, {"n": "1"})
    async with RedisStreams(redis.url, stream=stream, idle=0.2).session() as session:
        await session.acknowledge(await session.take(10))
        waiting = asyncio.create_task(session.take(10))
        await asyncio.sleep(0.7)
        await add(redis, stream, {"n": "2"})
        assert len(await waiting) == 1
        async with Redis.from_url(redis.url) as client:
            await client.delete(stream)
        with pytest.raises(BridgeError, match="its first entry makes it"):
            await session.take(10)


async def test_what_is_no_stream(redis: RedisServer) -> None:
    """Missing, or something else."""
    with pytest.raises(BridgeError, match="there is no stream 'nowhere'"):
        async with RedisStreams(redis.url, stream="nowhere").session():
            raise AssertionError("it was not there")
    key = fresh("k")
    async with Redis.from_url(redis.url) as client:
        await client.set(key, "x")
    with pytest.raises(BridgeError, match="is something else than a stream"):
        async with RedisStreams(redis.url, stream=key).session():
            raise AssertionError("it was none")


async def test_a_wrong_password(redis: RedisServer) -> None:
    """Says what to check, and not the password."""
    url = redis.url.replace("redis://", "redis://nobody:s3cret@")
    with pytest.raises(BridgeError, match="check user and password") as refused:
        async with RedisStreams(url, stream="s").session():
            raise AssertionError("it was let in")
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in repr(RedisStreams(url, stream="s"))


async def test_a_server_that_accepts_and_never_answers() -> None:
    """Given up after the time-out; nobody listening is said at once."""
    async with silent_server() as port:
        for at, match in ((port, r"no answer within 0\.5 s"), (1, "cannot be consumed")):
            source = RedisStreams(f"redis://127.0.0.1:{at}", stream="s", timeout=0.5)
            with pytest.raises(BridgeError, match=match):
                async with source.session():
                    raise AssertionError("it answered")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"url": "http://host/", "stream": "s"}, "got http://host; expected redis://"),
        ({"url": "redis://host/", "stream": ""}, "stream is empty"),
        ({"url": "redis://host/", "stream": "s", "group": ""}, "group is empty"),
    ],
)
def test_declarations_that_make_no_sense(arguments: dict[str, str], match: str) -> None:
    """Refused where they are written."""
    with pytest.raises(ValueError, match=match):
        RedisStreams(**arguments)  # type: ignore[arg-type]
