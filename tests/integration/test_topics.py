"""Topics from outside: planned, prepared and checked, on the embedded broker and Apache Kafka."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from google.protobuf.wrappers_pb2 import Int64Value
from support.topics_shell import topics_shell, write_program

from callboard import ActorSystem, Entity, RabbitMQ, TransportError, handler
from callboard.transport import Action, Topics
from callboard.transport.broker import Broker, BrokerOptions

COMPACT = {"cleanup_policy": "compact", "min_compaction_lag_ms": "86400000"}


class Till(Entity):
    """Adds."""

    partitions = 3
    state: Int64Value

    @handler
    def add(self, message: Int64Value) -> None:
        """Add a number."""
        self.state.value += message.value


@pytest.fixture
def name() -> str:
    """A system name of the test's own."""
    return f"till-{uuid.uuid4().hex[:8]}"


async def settings(bootstrap: str, topic: str) -> dict[str, str]:
    """Return a topic's settings."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (told,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        found: Any = told
        return {entry[0]: entry[1] for entry in found.resources[0][4]}
    finally:
        await admin.close()


async def create(bootstrap: str, topic: str, partitions: int, **configs: str) -> None:
    """Make a topic as somebody else would."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        made = {name.replace("_", "."): value for name, value in configs.items()}
        await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=made)])
    finally:
        await admin.close()


async def test_a_plan_is_carried_out_and_then_there_is_nothing_to_do(
    name: str, broker_url: str
) -> None:
    """Six topics, each with the settings that the documents name; a node starts on them."""
    topics = Topics(f"kafka://{broker_url}", name, [Till])
    steps = await topics.plan()
    assert [step.action for step in steps] == [Action.CREATE] * 6
    await topics.apply(steps)
    assert [step.action for step in await topics.plan()] == [Action.KEEP] * 6
    state = await settings(broker_url, f"{name}.Till.state")
    assert state["cleanup.policy"] == "compact"
    assert state["min.compaction.lag.ms"] == "86400000"
    assert (await settings(broker_url, f"{name}.Till"))["retention.ms"] == "-1"
    async with ActorSystem(name, transport=f"kafka://{broker_url}", entities=[Till]) as system:
        await system.entity(Till, "a").send(Int64Value(value=1))


async def test_only_what_differs_is_set_and_what_others_set_stays(
    name: str, broker_url: str
) -> None:
    """The request replaces all settings of a topic; those of others are sent along."""
    await create(
        broker_url, f"{name}.Till.state", 3, cleanup_policy="delete", segment_bytes="1048576"
    )
    topics = Topics(f"kafka://{broker_url}", name, [Till])
    (step,) = [step for step in await topics.plan() if step.action is Action.SET]
    assert step.settings["cleanup.policy"] == "compact"
    with pytest.raises(TransportError, match="mend it with callboard topics apply"):
        async with ActorSystem(name, transport=f"kafka://{broker_url}", entities=[Till]):
            pass
    await topics.apply(await topics.plan())
    found = await settings(broker_url, f"{name}.Till.state")
    assert found["cleanup.policy"] == "compact"
    assert found["segment.bytes"] == "1048576"
    assert {step.action for step in await topics.plan()} == {Action.KEEP}


async def test_mail_that_would_age_away_stops_a_node(name: str, broker_url: str) -> None:
    """As on a topic made by hand, with the broker's week; times that are longer stay."""
    await create(broker_url, f"{name}.Till", 3)
    await create(broker_url, f"{name}.failures", 1, retention_ms="2419200000")
    topics = Topics(f"kafka://{broker_url}", name, [Till])
    (step,) = [step for step in await topics.plan() if step.action is Action.SET]
    assert dict(step.settings) == {"retention.ms": "-1"}
    with pytest.raises(
        TransportError, match=r"retention\.ms is 604800000; expected retention\.ms=-1"
    ):
        async with ActorSystem(name, transport=f"kafka://{broker_url}", entities=[Till]):
            pass
    await topics.apply(await topics.plan())
    assert (await settings(broker_url, f"{name}.Till"))["retention.ms"] == "-1"
    assert (await settings(broker_url, f"{name}.failures"))["retention.ms"] == "2419200000"


async def test_the_topics_of_edges_are_those_that_a_node_makes(name: str, broker_url: str) -> None:
    """Of consumers, bridges, outlets and publishers: made beforehand, none is left to make."""
    url = f"kafka://{broker_url}"
    await create(broker_url, f"{name}-wide", 5)
    system = ActorSystem(name, transport=url, node="one")
    legacy = RabbitMQ("amqp://127.0.0.1:1/", queue="legacy")

    @system.consumer(f"{name}-wide")
    def on_wide(message: Int64Value) -> None: ...

    system.consumer(f"{name}-orders", to=Till, key="value", name="orders")
    system.publisher(f"{name}-orders", Int64Value, partitions=3)
    system.bridge(legacy, to=Till, key="value", name="ahead", reply="json")
    system.outlet(legacy, Int64Value, name="back")
    topics = Topics(url, name, [], edges=system.edges)
    planned = await topics.plan()
    await topics.apply(planned)
    assert {step.action for step in await topics.plan()} == {Action.KEEP}
    partitions = {step.topic.removeprefix(name): step.partitions for step in planned}
    assert partitions[".on_wide.quarantine"] == partitions["-wide"] == 5
    assert partitions[".orders.state"] == partitions["-orders"] == 3
    assert partitions[".ahead.intake"] == partitions[".ahead.answers"] == 1
    assert partitions[".back.outlet"] == partitions[".back.state"] == 1
    async with system:
        pass
    admin = AIOKafkaAdminClient(bootstrap_servers=broker_url)
    await admin.start()
    made = {topic for topic in await admin.list_topics() if topic.startswith(name)}
    await admin.close()
    assert made == {step.topic for step in planned}


async def test_another_number_of_partitions_is_refused_by_plan_and_node(
    name: str, broker_url: str
) -> None:
    """In the same words, and applying leaves the topic alone."""
    await create(broker_url, f"{name}.Till", 5)
    topics = Topics(f"kafka://{broker_url}", name, [Till])
    steps = await topics.plan()
    (refused,) = [step for step in steps if step.action is Action.REFUSE]
    assert "it has 5 partitions and the class says 3" in refused.why
    with pytest.raises(TransportError, match="it has 5 partitions and the class says 3"):
        async with ActorSystem(name, transport=f"kafka://{broker_url}", entities=[Till]):
            pass
    await topics.apply(steps)
    (still,) = [step for step in await topics.plan() if step.action is Action.REFUSE]
    assert still.partitions == 5


async def test_on_three_brokers_two_copies_are_in_sync(name: str) -> None:
    """Of three; and a topic that others made with one copy is warned of and used."""
    async with Broker(BrokerOptions(brokers=3)) as broker:
        await create(broker.bootstrap, f"{name}.Till.state", 3, **COMPACT)
        topics = Topics(f"kafka://{broker.bootstrap}", name, [Till])
        steps = await topics.plan()
        (warned,) = [step for step in steps if step.topic == f"{name}.Till.state"]
        assert (warned.action, "1 of 3 copies" in warned.why) == (Action.WARN, True)
        await topics.apply(steps)
        mailbox = await settings(broker.bootstrap, f"{name}.Till")
        assert mailbox["min.insync.replicas"] == "2"
        after = {step.topic: step.action for step in await topics.plan()}
        assert after.pop(warned.topic) is Action.WARN
        assert set(after.values()) == {Action.KEEP}
        with structlog.testing.capture_logs() as logs:
            async with ActorSystem(
                name, transport=f"kafka://{broker.bootstrap}", entities=[Till]
            ) as system:
                await system.entity(Till, "a").send(Int64Value(value=1))
        said = [line for line in logs if line.get("topic") == warned.topic]
        assert [line["log_level"] for line in said] == ["warning"]
        assert "callboard topics plan" in said[0]["event"]


async def test_the_shell_plans_and_applies(name: str, broker_url: str, tmp_path: Path) -> None:
    """Exit codes 2, 0, and 1 when something is refused; and what it says without entities."""
    write_program(tmp_path / "tills.py", name, "Till", 3)
    run = topics_shell(tmp_path, broker_url)
    planned = await run("plan", "tills:system", "--json")
    assert planned.returncode == 2
    assert {step["action"] for step in json.loads(planned.stdout)} == {"create"}
    applied = await run("apply", "tills:system")
    assert (applied.returncode, "6 created, 0 changed" in applied.stdout) == (0, True)
    assert (await run("plan", "tills:system")).returncode == 0
    other = f"{name}-other"
    await create(broker_url, f"{other}.Till", 3)
    asked = await run("apply", "tills:system", "--system", other, typed="n\n")
    assert (asked.returncode, "change the settings of 1 topics?" in asked.stdout) == (1, True)
    assert (await settings(broker_url, f"{other}.Till"))["retention.ms"] == "604800000"
    changed = await run("apply", "tills:system", "--system", other, "--yes")
    assert (changed.returncode, "5 created, 1 changed" in changed.stdout) == (0, True)
    assert (await settings(broker_url, f"{other}.Till"))["retention.ms"] == "-1"
    told = await run("plan", "tills:client")
    assert told.returncode == 2
    assert "entities=[...]" in told.stderr
    write_program(tmp_path / "tills.py", name, "Till", 4)
    refused = await run("plan", "tills:system")
    assert refused.returncode == 1
    assert "refuse" in refused.stdout
