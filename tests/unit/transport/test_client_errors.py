"""What the client library raises becomes an error that says whether to try again."""

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
)

from callboard import TransportError, TransportUnavailable
from callboard.transport._kafka._errors import translate


@pytest.mark.parametrize("error", [TimeoutError(), KafkaTimeoutError(), KafkaConnectionError()])
def test_what_may_work_by_and_by_is_unavailable(error: Exception) -> None:
    """Who starts a node again need not be told more: a broker did not answer."""
    assert isinstance(translate(error, "follow partitions"), TransportUnavailable)


@pytest.mark.parametrize("error", [TopicAuthorizationFailedError("orders"), KafkaError("odd")])
def test_what_stays_as_it_is_is_not(error: KafkaError) -> None:
    """The same again would fail again."""
    found = translate(error, "write 3 records")
    assert type(found) is TransportError
    assert str(found).startswith("could not write 3 records: ")
