"""Fixtures that every folder of tests may use: the brokers."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from support.activemq import ActiveServer
from support.apache_kafka import ApacheKafka
from support.postgres import PostgresServer
from support.rabbitmq import RabbitServer
from support.redis_server import RedisServer
from support.server_required import started

# pytest's own fixture for tests of plugins; only this file may ask for it.
pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Undo what a test configured: its stream is closed when the next one logs."""
    before = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = before
    structlog.reset_defaults()


EMBEDDED = "embedded"
APACHE = "apache"


@pytest.fixture(scope="session")
def apache_kafka() -> Iterator[ApacheKafka]:
    """Give one node of Apache Kafka to the whole run, started by the first test that asks.

    Topics and groups are not cleared between tests: name them apart.
    A machine without Java or Maven skips; CI (the variable `CI` is set) fails instead.
    """
    with started(ApacheKafka()) as kafka:
        yield kafka


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Give one PostgreSQL server to the whole run; name tables apart."""
    with started(PostgresServer()) as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitServer]:
    """Give one RabbitMQ to the whole run; name queues apart, and leave it running."""
    with started(RabbitServer()) as server:
        yield server


@pytest.fixture(scope="session")
def activemq() -> Iterator[ActiveServer]:
    """Give one ActiveMQ to the whole run; name queues apart, and leave it running."""
    with started(ActiveServer()) as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """Give one Redis to the whole run; name streams apart, and leave it running."""
    with started(RedisServer()) as server:
        yield server


@pytest.fixture(params=[EMBEDDED, pytest.param(APACHE, marks=pytest.mark.kafka)])
async def broker_url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Give the bootstrap `host:port` of the embedded broker, then of Apache Kafka.

    The embedded one is fresh for each test and runs in the test's own loop.
    """
    if request.param == APACHE:
        kafka: ApacheKafka = request.getfixturevalue("apache_kafka")
        yield kafka.bootstrap
        return
    # Here, and not above: most tests need no broker and should not load one.
    from callboard.transport.broker import Broker  # noqa: PLC0415 - see above

    async with Broker() as broker:
        yield broker.bootstrap
