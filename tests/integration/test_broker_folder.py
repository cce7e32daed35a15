"""`callboard broker --data`: a process of its own that is killed, and its folder."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from support.kafka_clients import SECONDS, consuming, producing, read_all, take

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def started(*arguments: str) -> Generator[tuple["subprocess.Popen[str]", str]]:
    """Run the command; give the process and its bootstrap address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "callboard", "broker", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("CALLBOARD_")},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield process, line.split(" on ")[1].split()[0] if " on " in line else ""
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.mark.parametrize("fsync", ["always", "0.05", "never"])
async def test_kill_9_takes_nothing_that_was_answered(tmp_path: Path, fsync: str) -> None:
    """Killed while records pour in: those acknowledged are there afterwards, once and in order."""
    where = ("--data", str(tmp_path / "data"), "--fsync", fsync)
    acknowledged = 0
    with started("--port", "0", *where) as (process, bootstrap):
        port = bootstrap.rpartition(":")[2]
        async with producing(bootstrap, request_timeout_ms=1_000) as producer:
            await producer.send_and_wait("t", b"0", partition=0)
            async with consuming(bootstrap, group_id="g") as consumer:
                consumer.assign([TopicPartition("t", 0)])
                await consumer.commit({TopicPartition("t", 0): 1})
            for number in range(1, 60):
                await producer.send_and_wait("t", b"%d" % number, partition=0)
                acknowledged = number
            pouring = [
                await producer.send("t", b"%d" % number, partition=0) for number in range(60, 90)
            ]
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            with started("--port", port, *where) as (_, again):
                assert again == bootstrap
                async with asyncio.timeout(SECONDS):
                    await asyncio.gather(*pouring)
                values = await read_all(bootstrap, "t")
                async with consuming(bootstrap, group_id="g") as consumer:
                    consumer.assign([TopicPartition("t", 0)])
                    assert await consumer.committed(TopicPartition("t", 0)) == 1
    assert acknowledged == 59
    assert values == [b"%d" % number for number in range(90)]


async def test_an_open_transaction_ends_after_the_kill(tmp_path: Path) -> None:
    """Its producer is gone; a new one under the same id aborts it, and readers go on."""
    where = ("--data", str(tmp_path / "data"))
    with started("--port", "0", *where) as (process, bootstrap):
        port = bootstrap.rpartition(":")[2]
        async with producing(bootstrap, transactional_id="x") as producer:
            async with producer.transaction():
                await producer.send_and_wait("t", b"kept", partition=0)
            await producer.begin_transaction()
            await producer.send_and_wait("t", b"open", partition=0)
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            with started("--port", port, *where):
                async with producing(bootstrap, transactional_id="x") as second:
                    async with second.transaction():
                        await second.send_and_wait("t", b"later", partition=0)
                    async with consuming(bootstrap, isolation_level="read_committed") as consumer:
                        consumer.assign([TopicPartition("t", 0)])
                        values = [record.value for record in await take(consumer, 2)]
                with contextlib.suppress(Exception):
                    await producer.abort_transaction()
    assert values == [b"kept", b"later"]


def test_a_folder_that_is_not_ours_is_an_error_in_a_sentence(tmp_path: Path) -> None:
    """Exit code 1, what is wrong and what to do; the folder is as it was."""
    (tmp_path / "thesis.txt").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-m", "callboard", "broker", "--port", "0", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "holds files that are not a broker's. Give an empty folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_brokers_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second says so, and the first goes on."""
    where = ("--data", str(tmp_path / "data"))
    with (
        started("--port", "0", *where) as (first, _),
        started("--port", "0", *where) as (second, _),
    ):
        assert second.wait(10) == 1
        assert second.stderr is not None
        assert "another broker uses" in second.stderr.read()
        assert first.poll() is None
