"""Transport URLs: what is taken, and what a mistake is told."""

import pytest

from callboard import InvalidTransportURL
from callboard.transport import parse_transport


def test_memory_has_no_address() -> None:
    """memory:// is a broker inside the process."""
    assert parse_transport("memory://").bootstrap is None


@pytest.mark.parametrize(
    ("url", "bootstrap"),
    [
        ("kafka://localhost:9092", "localhost:9092"),
        ("kafka://localhost", "localhost:9092"),
        ("kafka://a:1,b:2", "a:1,b:2"),
        ("kafka://a:1/", "a:1"),
        ("kafka://[::1]:9092", "[::1]:9092"),
        ("kafka://[::1]", "[::1]:9092"),
    ],
)
def test_kafka_names_its_brokers(url: str, bootstrap: str) -> None:
    """Hosts are kept in order; one without a port gets 9092."""
    assert parse_transport(url).bootstrap == bootstrap


def test_session_timeout_is_read() -> None:
    """How fast a dead node is noticed is a matter of the deployment, so of the URL."""
    assert parse_transport("kafka://a:1?session_timeout=10").session_timeout == 10.0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "kafka",
        "localhost:9092",
        "http://localhost:9092",
        "redis://a",
        "memory://x",
        "kafka://",
        "kafka://a:port",
        "kafka://a:0",
        "kafka://a:70000",
        "kafka://a:1,",
        "kafka://a:1/topic",
        "kafka://a:1?acks=1",
        "kafka://a:1?session_timeout=soon",
        "kafka://a:1?session_timeout=-1",
        "kafka://user:secret@a:1",
    ],
)
def test_mistakes_are_told(url: str) -> None:
    """Each error says what was expected, and none repeats a password."""
    with pytest.raises(InvalidTransportURL, match=r"expected|takes nothing") as caught:
        parse_transport(url)
    assert "secret" not in str(caught.value)
