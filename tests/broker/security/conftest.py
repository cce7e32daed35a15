"""Fixtures for tests of logins and TLS: a secured broker, certificates, and what is logged."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.secured_clients import Pems, make_pems

from callboard.transport.broker import Broker, BrokerOptions, Security


@pytest.fixture(scope="session")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Pems:
    """Certificates made for this run."""
    return make_pems(tmp_path_factory.mktemp("pems"))


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Awaitable[Broker]]]:
    """Give a function that starts a secured broker, which is stopped afterwards."""
    running = list[Broker]()

    async def begin(security: Security, **options: Any) -> Broker:
        broker = Broker(BrokerOptions(security=security, **options))
        await broker.start()
        running.append(broker)
        return broker

    yield begin
    for broker in running:
        await broker.aclose()


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """What the broker has logged."""
    with capture_logs() as lines:
        yield lines
