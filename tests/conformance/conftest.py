"""What every conformance test may use: connections to either broker, alone or in a cluster."""

from collections.abc import AsyncIterator, Iterator

import pytest
from support.apache_cluster import ApacheCluster
from support.server_required import started
from support.wire import Wire, wired


@pytest.fixture
async def wire(broker_url: str) -> AsyncIterator[Wire]:
    """Give a connection to the embedded broker, then one to Apache Kafka."""
    async with wired(broker_url) as connected:
        yield connected


@pytest.fixture(scope="session")
def apache_cluster() -> Iterator[ApacheCluster]:
    """Give three nodes of Apache Kafka to the whole run, started by the first test that asks.

    They create topics that are asked for. Whoever pauses a node resumes it, and
    waits until the others know.
    """
    with started(ApacheCluster()) as cluster:
        yield cluster


@pytest.fixture
def embedded(request: pytest.FixtureRequest) -> bool:
    """Tell whether this is the embedded broker's turn, where the two differ on purpose."""
    return bool(request.node.callspec.params["broker_url"] == "embedded")
