"""`send_all` inside a handler: each message is one of its own, and leaves with the others."""

import asyncio
from collections.abc import Sequence

from google.protobuf.struct_pb2 import ListValue
from google.protobuf.wrappers_pb2 import Int64Value
from support.consuming import fresh, shop, until

from callboard import ConsumerContext, Entity, handler, send_all


class Hearer(Entity):
    """Keeps what it is told; 0 only shows."""

    partitions = 1
    state: ListValue

    @handler
    def hear(self, message: Int64Value) -> ListValue:
        """Keep a number."""
        if message.value:
            self.state.values.add().number_value = message.value
        shown = ListValue()
        shown.CopyFrom(self.state)
        return shown


class Teller(Entity):
    """Sends several messages to one hearer at once."""

    partitions = 1
    state: Int64Value

    @handler
    async def tell(self, message: Int64Value) -> None:
        """Send as many as it is told."""
        hearer = self.context.entity(Hearer, "one")
        await send_all((hearer, Int64Value(value=n)) for n in range(1, message.value + 1))


def numbers(heard: ListValue) -> Sequence[int]:
    """Return what was heard."""
    return [int(each.number_value) for each in heard.values]


async def test_what_an_entity_sends_to_one_receiver_all_arrives(broker_url: str) -> None:
    """Three messages to one entity are three, in their order."""
    async with shop(broker_url, fresh("many")) as system:
        hearer = system.entity(Hearer, "one")
        await system.entity(Teller, "t").ask(Int64Value(value=3), timeout=20.0)
        async with asyncio.timeout(20):
            while len(heard := numbers(await hearer.ask(Int64Value(), timeout=20.0))) < 3:
                await asyncio.sleep(0.02)
        assert heard == [1, 2, 3]


async def test_what_a_consumer_publishes_at_once_has_ids_of_its_own(broker_url: str) -> None:
    """Whoever knows messages by their ids takes all of them."""
    system = shop(broker_url, fresh("many"))
    source, out = fresh("in"), fresh("out")
    incoming = system.publisher(source, Int64Value)
    outgoing = system.publisher(out, Int64Value)
    ids: list[bytes] = []

    @system.consumer(source)
    async def several(message: Int64Value) -> None:
        await outgoing.send_all(Int64Value(value=n) for n in range(message.value))

    @system.consumer(out)
    def collect(message: Int64Value, context: ConsumerContext) -> None:
        ids.append(context.headers["ce_id"])

    async with system:
        await incoming.send(Int64Value(value=3))
        await until(lambda: len(ids) >= 3)
    assert len(set(ids)) == 3
