"""`callboard bench bridges` does what it says, on a little, with the real legacy brokers."""

import json
import os
import subprocess
import sys

import pytest
from support.activemq import ActiveServer
from support.rabbitmq import RabbitServer
from support.redis_server import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_every_row_has_a_figure(
    rabbitmq: RabbitServer, activemq: ActiveServer, redis: RedisServer
) -> None:
    """From each broker, beside the loops by hand; and the states are right."""
    urls = {"RABBITMQ_URL": rabbitmq.url, "ACTIVEMQ_URL": activemq.url, "REDIS_URL": redis.url}
    done = subprocess.run(
        [sys.executable, "-m", "callboard", "bench", "bridges", "--quick", "--json"],
        env={**os.environ, **urls},
        capture_output=True,
        text=True,
        timeout=230,
        check=True,
    )
    rows = json.loads(done.stdout)
    assert {row["workload"] for row in rows} == {"rabbitmq", "activemq", "redis"}
    assert len(rows) == 6
    assert all(row["median"] for row in rows), rows


def test_a_broker_that_is_not_named_is_shown_as_not_there() -> None:
    """With the variable that names it; nothing is started, and nothing fails."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_URL")}
    done = subprocess.run(
        [sys.executable, "-m", "callboard", "bench", "bridges", "--quick", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    for row in json.loads(done.stdout):
        assert row["median"] is None
        assert "_URL to its URL" in row["note"]
