"""The way back into legacy queues, and questions both ways, on the real brokers."""

import asyncio
import json

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from aiokafka import AIOKafkaConsumer, TopicPartition
from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from pydantic import BaseModel
from support.consuming import fresh
from support.legacy import LegacyServer
from support.legacy_queues import LEGACY

from callboard import (
    ActiveMQ,
    ActorFailed,
    ActorSystem,
    AskTimeout,
    BridgeError,
    Entity,
    RabbitMQ,
    RedisStreams,
    handler,
)
from callboard.transport import Quarantine, _running_edges
from callboard.transport.bridges import ForeignMessage, OutgoingMessage

COUNT = 2_000
BROKERS = ["rabbitmq", "activemq", "redis"]

Queue = RabbitMQ | ActiveMQ | RedisStreams


class Flight(BaseModel):
    """What travels as JSON."""

    number: int


class Sums(Entity):
    """Adds up, and tells the outlet that a test gives it."""

    partitions = 2
    state: Int64Value

    @handler
    def add(self, message: Int64Value) -> Int64Value:
        """Add a number and return the sum; a negative one is refused."""
        if message.value < 0:
            raise ValueError("less than nothing")
        self.state.value += message.value
        return self.state


@pytest.fixture
def legacy(request: pytest.FixtureRequest, broker: str) -> LegacyServer:
    """Give the real broker."""
    found: LegacyServer = request.getfixturevalue(broker)
    return found


def queue_at(server: LegacyServer, broker: str, name: str) -> Queue:
    """Declare a queue of a broker."""
    if broker == "rabbitmq":
        return RabbitMQ(server.url + "?heartbeat=2", queue=name, idle=1.0, timeout=5.0)
    if broker == "activemq":
        return ActiveMQ(server.url, queue=name, timeout=5.0)
    return RedisStreams(server.url, stream=name, field="body", timeout=5.0, idle=1.0)


async def make(server: LegacyServer, broker: str, name: str) -> None:
    """Make a queue where brokers do not by themselves."""
    if broker == "rabbitmq":
        async with await aio_pika.connect(server.url) as connection:
            await (await connection.channel()).declare_queue(name, durable=True)
    elif broker == "redis":
        async with queue_at(server, broker, name).sending() as sending:
            await sending.send([OutgoingMessage("first", b"", {})])


def system_at(broker_url: str, *kinds: type[Entity]) -> ActorSystem:
    """Return a node."""
    url = f"kafka://{broker_url}?session_timeout=2"
    return ActorSystem(fresh("air"), transport=url, node="n1", entities=kinds or [Sums])


async def taken(queue: Queue, count: int) -> list[ForeignMessage]:
    """Take so many different messages from a queue, leaving none unacknowledged."""
    found: dict[str, ForeignMessage] = {}
    async with asyncio.timeout(60), queue.session() as session:
        while len(found) < count:
            some = await session.take(500)
            await session.acknowledge(some)
            for each in some:
                if each.body:
                    found.setdefault(each.headers.get("ce_id") or id_of(each), each)
    return list(found.values())


def id_of(message: ForeignMessage) -> str:
    """Return the id that the sender gave."""
    return message.headers.get("message-id", message.id)


@pytest.mark.parametrize("broker", BROKERS)
async def test_messages_arrive_in_order_with_headers(
    broker_url: str, legacy: LegacyServer, broker: str
) -> None:
    """Everything that was sent arrives, in order, with its id and the names of its headers."""
    name = fresh("back")
    await make(legacy, broker, name)
    queue = queue_at(legacy, broker, name)
    system = system_at(broker_url)
    outlet = system.outlet(queue, Flight, name="back")
    async with system:
        said: dict[str, str | bytes] = {
            "correlation-id": "c1",
            "x-raw": b"\xc3\xa9",
            "traceparent": "00-ab-cd-01",
        }
        await outlet.send_all((Flight(number=n) for n in range(COUNT)), headers=said)
        found = await taken(queue, COUNT)
    assert [json.loads(each.body)["number"] for each in found] == list(range(COUNT))
    headers = found[0].headers
    assert headers["correlation-id"] == "c1"
    assert headers["content-type"] == "application/json"
    assert headers["type"] == "Flight"
    assert headers["x-raw"] == "é"
    assert headers["traceparent"] == "00-ab-cd-01"
    assert headers["app-id"] == f"callboard://{system.name}/nodes/n1"


@pytest.mark.parametrize("broker", BROKERS)
async def test_messages_wait_while_the_legacy_broker_is_away(
    broker_url: str, legacy: LegacyServer, broker: str
) -> None:
    """It is killed in mid-stream and comes back: nothing is lost, each id arrives."""
    name = fresh("away")
    await make(legacy, broker, name)
    queue = queue_at(legacy, broker, name)
    system = system_at(broker_url)
    outlet = system.outlet(queue, Int64Value, name="away")
    async with system:
        await outlet.send_all(Int64Value(value=n) for n in range(1, COUNT // 2))
        if broker == "rabbitmq":
            await asyncio.sleep(3.0)  # it holds back for two that there is a queue, durable or not
        legacy.kill()
        try:
            await outlet.send_all(Int64Value(value=n) for n in range(COUNT // 2, COUNT))
        finally:
            await asyncio.to_thread(legacy.start)
        found = await taken(queue, COUNT - 1)
    numbers = {Int64Value.FromString(each.body).value for each in found}
    assert numbers == set(range(1, COUNT))


@pytest.mark.parametrize("broker", BROKERS)
async def test_a_legacy_client_asks_an_entity(
    broker_url: str, legacy: LegacyServer, broker: str
) -> None:
    """Its answer comes to the queue it named, with its correlation; so does an error."""
    name = fresh("questions")
    await make(legacy, broker, name)
    queue = queue_at(legacy, broker, name)
    system = system_at(broker_url)

    @system.bridge(queue, to=Sums, key=lambda _: "one", name="questions", reply="json")
    def adapter(payload: bytes) -> Int64Value:
        return Int64Value(value=int(payload))

    client = system.outlet(queue, bytes, reply=bytes, name="client")
    async with system:
        assert json.loads(await client.ask(b"3", timeout=30.0)) == "3"
        assert json.loads(await client.ask(b"4", timeout=30.0)) == "7"
        with pytest.raises(ActorFailed, match="less than nothing"):
            await client.ask(b"-1", timeout=30.0)


@pytest.mark.parametrize("broker", BROKERS)
async def test_a_legacy_client_asks_a_function(
    broker_url: str, legacy: LegacyServer, broker: str
) -> None:
    """What the function returns is the answer, as `reply` writes it."""
    name = fresh("functions")
    await make(legacy, broker, name)
    queue = queue_at(legacy, broker, name)
    system = system_at(broker_url)

    def shown(answer: StringValue) -> str:
        return answer.value.upper()

    @system.bridge(queue, name="functions", reply=shown)
    async def answer(payload: bytes, headers: dict[str, str]) -> StringValue:
        return StringValue(value=f"{payload.decode()} {headers['x-who']}")

    client = system.outlet(queue, bytes, reply=bytes, name="client")
    async with system:
        assert await client.ask(b"hi", timeout=30.0, headers={"x-who": "you"}) == b"HI YOU"


@pytest.mark.parametrize("broker", BROKERS)
async def test_questions_after_the_legacy_broker_was_killed(
    broker_url: str, legacy: LegacyServer, broker: str
) -> None:
    """Who asks connects again, and so do the bridge and its answers."""
    name = fresh("again")
    await make(legacy, broker, name)
    queue = queue_at(legacy, broker, name)
    system = system_at(broker_url)

    @system.bridge(queue, to=Sums, key=lambda _: "one", name="again", reply="protobuf")
    def adapter(payload: bytes) -> Int64Value:
        return Int64Value(value=int(payload))

    client = system.outlet(queue, bytes, reply=Int64Value, name="client")
    async with system:
        assert (await client.ask(b"1", timeout=30.0)).value == 1
        legacy.kill()
        with pytest.raises(BridgeError):
            await client.ask(b"1000", timeout=30.0)
        await asyncio.to_thread(legacy.start)
        assert (await client.ask(b"2", timeout=30.0)).value == 3


async def test_an_answer_for_nobody_holds_nothing_up(
    broker_url: str, rabbitmq: LegacyServer
) -> None:
    """A client that has gone gets no answer; those after it do."""
    name = fresh("gone")
    await make(rabbitmq, "rabbitmq", name)
    queue = queue_at(rabbitmq, "rabbitmq", name)
    system = system_at(broker_url)

    @system.bridge(queue, to=Sums, key=lambda _: "one", name="gone", reply="protobuf")
    def adapter(payload: bytes) -> Int64Value:
        return Int64Value(value=int(payload))

    client = system.outlet(queue, bytes, reply=Int64Value, name="client")
    async with queue.sending() as sending:
        headers = {"reply-to": "nobody-here", "correlation-id": "1"}
        await sending.send([OutgoingMessage("lost", b"5", headers)])
    async with system:
        assert (await client.ask(b"6", timeout=30.0)).value == 11


async def test_an_actor_asks_a_legacy_service(broker_url: str, rabbitmq: LegacyServer) -> None:
    """A service that knows nothing of callboard answers; one that does not is given up in time."""
    name = fresh("prices")
    await make(rabbitmq, "rabbitmq", name)
    system = system_at(broker_url)
    prices = system.outlet(
        queue_at(rabbitmq, "rabbitmq", name), Flight, reply=Flight, name="prices"
    )

    async def serve(message: AbstractIncomingMessage) -> None:
        number = json.loads(message.body)["number"]
        if number == 0:
            return
        await channel.default_exchange.publish(
            aio_pika.Message(
                json.dumps({"number": number * 2}).encode(), correlation_id=message.correlation_id
            ),
            message.reply_to or "",
        )

    async with await aio_pika.connect(rabbitmq.url) as connection:
        channel = await connection.channel()
        service = await channel.declare_queue(name, durable=True)
        await service.consume(serve, no_ack=True)
        async with system:
            answers = await asyncio.gather(
                *(prices.ask(Flight(number=n), timeout=20.0) for n in range(1, 51))
            )
            assert [each.number for each in answers] == [2 * n for n in range(1, 51)]
            with pytest.raises(AskTimeout, match="outlets/prices did not answer Flight"):
                await prices.ask(Flight(number=0), timeout=0.3)


async def test_asking_what_is_not_there(broker_url: str, rabbitmq: LegacyServer) -> None:
    """Says which queue is missing; an outlet without answers says how to declare them."""
    system = system_at(broker_url)
    queue = queue_at(rabbitmq, "rabbitmq", fresh("missing"))
    asked = system.outlet(queue, Flight, reply=Flight, name="asked")
    told = system.outlet(queue, Flight, name="told")
    async with system:
        with pytest.raises(BridgeError, match="declare the queue"):
            await asked.ask(Flight(number=1), timeout=10.0)
        with pytest.raises(TypeError, match="reply=Price"):
            await told.ask(Flight(number=1), timeout=10.0)


async def test_what_an_entity_tells_an_outlet_leaves_when_it_succeeded(
    broker_url: str, redis: LegacyServer
) -> None:
    """A handler that fails sends nothing; one that succeeds sends once."""
    name = fresh("told")
    await make(redis, "redis", name)
    queue = queue_at(redis, "redis", name)

    class Teller(Entity):
        partitions = 2
        state: Int64Value

        @handler
        def tell(self, message: Int64Value) -> None:
            numbers = ListValue()
            numbers.values.add().number_value = message.value
            outlet.tell(numbers)
            if message.value < 0:
                raise ValueError("no")

    system = system_at(broker_url, Teller)
    outlet = system.outlet(queue, ListValue, name="told")
    async with system:
        for number in (-1, 7):
            await system.entity(Teller, f"t{number}").send(Int64Value(value=number))
        (found,) = await taken(queue, 1)
    assert ListValue.FromString(found.body).values[0].number_value == 7
    assert found.headers["app-id"].endswith("/Teller/t7")


async def test_what_the_broker_has_no_word_for_goes_to_quarantine(
    broker_url: str, rabbitmq: LegacyServer
) -> None:
    """Only the bad one of a batch; those before and after it arrive."""
    name = fresh("bad")
    await make(rabbitmq, "rabbitmq", name)
    queue = queue_at(rabbitmq, "rabbitmq", name)
    system = system_at(broker_url)
    outlet = system.outlet(queue, Flight, name="bad")
    async with system:
        await outlet.send(Flight(number=1))
        await outlet.send(Flight(number=2), headers={"priority": "high"})
        await outlet.send(Flight(number=3), headers={"priority": "5"})
        found = await taken(queue, 2)
        async with asyncio.timeout(20), Quarantine(f"kafka://{broker_url}", system.name) as desk:
            while "bad" not in desk.kinds or not (held := await desk.messages("bad")):
                await asyncio.sleep(0.05)
    assert [json.loads(each.body)["number"] for each in found] == [1, 3]
    assert found[1].headers["priority"] == "5"
    (bad,) = held
    assert "priority a number" in bad.error


async def test_what_was_carried_is_removed(
    broker_url: str, redis: LegacyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outlet's topic does not grow for ever."""
    monkeypatch.setattr(_running_edges, "TIDY_EVERY", 0.2)
    name = fresh("tidy")
    await make(redis, "redis", name)
    system = system_at(broker_url)
    outlet = system.outlet(queue_at(redis, "redis", name), Flight, name="tidy")
    place = TopicPartition(outlet.topic, 0)
    async with system:
        await outlet.send_all(Flight(number=n) for n in range(100))
        reader = AIOKafkaConsumer(bootstrap_servers=broker_url)
        await reader.start()
        try:
            async with asyncio.timeout(30):
                while (await reader.beginning_offsets([place]))[place] < 100:
                    await asyncio.sleep(0.05)
        finally:
            await reader.stop()


def test_every_broker_is_covered() -> None:
    """The brokers of these tests are all there are."""
    assert list(LEGACY) == BROKERS
