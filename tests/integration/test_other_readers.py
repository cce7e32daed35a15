"""What callboard writes, read by programs that know nothing of it."""

import asyncio
import os
import shutil

import pytest
from aiokafka import AIOKafkaConsumer
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from google.protobuf.wrappers_pb2 import Int64Value
from support.consuming import fresh

from callboard import Actor, ActorSystem, Entity, handler


class Account(Entity):
    """Adds, and tells its twin."""

    partitions = 1
    state: Int64Value

    @handler
    def add(self, message: Int64Value) -> Int64Value:
        """Add."""
        self.state.value += message.value
        if message.value == 1:
            self.context.entity(Account, "twin").tell(Int64Value(value=2))
        return self.state


class Teller(Actor):
    """Tells an account."""

    @handler
    async def tell(self, message: Int64Value) -> Int64Value:
        """Ask it."""
        account = self.context.system.entity(Account, "ada")
        return await account.ask(message, timeout=20.0, reply_type=Int64Value)


@pytest.fixture
async def name(broker_url: str) -> str:
    """Give the name of a system that has written something."""
    name = fresh("bank")
    url = f"kafka://{broker_url}"
    async with ActorSystem(name, transport=url, node="n1", entities=[Account]) as system:
        teller = system.spawn(Teller, name="teller")
        await teller.ask(Int64Value(value=1), timeout=20.0)
        async with asyncio.timeout(20):
            while (await system.entity(Account, "twin").ask(Int64Value(), timeout=20)).value != 2:
                await asyncio.sleep(0.02)
    return name


async def test_a_plain_consumer_and_the_cloudevents_sdk_read_a_mailbox(
    broker_url: str, name: str
) -> None:
    """Key, value, and headers as the CloudEvents binding for Kafka has them, in binary mode."""
    consumer = AIOKafkaConsumer(
        f"{name}.Account", bootstrap_servers=broker_url, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async with asyncio.timeout(20):
            records = [await consumer.getone() for _ in range(2)]
    finally:
        await consumer.stop()
    assert [record.key for record in records] == [b"ada", b"twin"]
    assert [Int64Value.FromString(record.value or b"").value for record in records] == [1, 2]
    events = [
        from_binary(
            KafkaMessage(dict(record.headers), record.key, record.value or b""), JSONFormat()
        )
        for record in records
    ]
    assert [event.get_type() for event in events] == ["google.protobuf.Int64Value"] * 2
    assert [event.get_source() for event in events] == [
        f"callboard://{name}/n1/user/teller",
        f"callboard://{name}/Account/ada",
    ]
    assert len({event.get_id() for event in events}) == 2
    assert all(event.get_time() is not None for event in events)
    assert all(event.get_datacontenttype() == "application/protobuf" for event in events)
    # The SDK takes what is UTF-8 for text.
    assert [event.get_data() for event in events] == ["\x08\x01", "\x08\x02"]


async def test_kcat_reads_a_mailbox(broker_url: str, name: str) -> None:
    """Keys, values and headers, as they stand there."""
    if shutil.which("kcat") is None:
        why = "kcat is not installed; apt-get install kcat brings it"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    reading = await asyncio.create_subprocess_exec(
        *("kcat", "-C", "-e", "-q", "-b", broker_url, "-t", f"{name}.Account"),
        *("-f", "%k %S %h\\n"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        printed, _ = await reading.communicate()
    first, second, *_ = printed.decode().splitlines()
    assert first.startswith("ada 2 ce_specversion=1.0,content-type=application/protobuf,"), printed
    assert "ce_type=google.protobuf.Int64Value" in first
    assert f"ce_source=callboard://{name}/Account/ada" in second
