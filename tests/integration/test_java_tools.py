"""The console tools of Apache Kafka against the embedded broker: the Java clients' habits."""

import subprocess
from collections.abc import Callable

import pytest
from support.kafka_jars import ensure_jars, java
from support.server_required import needing_server

from callboard.testing import BrokerThread

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_TOOLS = "org.apache.kafka.tools"
Tool = Callable[..., str]


@pytest.fixture
def tool(callboard_broker: BrokerThread) -> Tool:
    """Give a function that runs a tool against the broker and returns what it printed."""
    with needing_server():
        classpath = f"{ensure_jars()}/*"
        runtime = java()

    def run(name: str, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [
                *(runtime, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
                *("-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", classpath, name),
                *("--bootstrap-server", callboard_broker.bootstrap, *arguments),
            ],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.callboard_broker(default_partitions=1)
def test_topics_are_made_described_and_grown(tool: Tool, callboard_broker: BrokerThread) -> None:
    """`kafka-topics` creates a topic with a setting, shows it, and gives it more partitions."""
    topics = f"{_TOOLS}.TopicCommand"
    made = ("--topic", "orders", "--partitions", "3", "--config", "retention.ms=60000")
    assert "Created topic orders" in tool(topics, "--create", *made)
    shown = tool(topics, "--describe", "--topic", "orders")
    assert "PartitionCount: 3" in shown
    assert "retention.ms=60000" in shown
    assert "Leader: 1" in shown
    tool(topics, "--alter", "--topic", "orders", "--partitions", "5")
    assert len(callboard_broker.partitions("orders")) == 5


@pytest.mark.callboard_broker(default_partitions=1)
def test_records_go_in_and_come_out_in_a_group(tool: Tool, callboard_broker: BrokerThread) -> None:
    """The console producer (idempotent) writes, a consumer group reads, commits and is shown."""
    tool(f"{_TOOLS}.ConsoleProducer", "--topic", "orders", stdin="soup\nbread\ntea\n")
    read = ("--topic", "orders", "--from-beginning", "--group", "waiters", "--max-messages", "3")
    assert tool(f"{_TOOLS}.consumer.ConsoleConsumer", *read).split() == ["soup", "bread", "tea"]
    assert callboard_broker.committed("waiters", "orders", 0) == 3
    groups = f"{_TOOLS}.consumer.group.ConsumerGroupCommand"
    assert tool(groups, "--list").split() == ["waiters"]
    row = next(
        line.split()
        for line in tool(groups, "--describe", "--group", "waiters").splitlines()
        if line.startswith("waiters")
    )
    assert row[1:6] == ["orders", "0", "3", "3", "0"]
