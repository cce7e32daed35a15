"""What the client library raises, in callboard's words."""

from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    IllegalGenerationError,
    IllegalStateError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordTooLargeError,
    UnknownMemberIdError,
)

from ...actors import MessageTooLarge, PartitionLost, TransportError, TransportUnavailable

# IllegalState: the subscription has already forgotten a partition that the
# group is taking away; for whoever commits, it is lost.
_LOST = (CommitFailedError, IllegalGenerationError, UnknownMemberIdError, IllegalStateError)


def translate(error: Exception, doing: str) -> Exception:
    """Return callboard's error for a client's.

    Args:
        error: A `KafkaError` or a time-out.
        doing: What was tried, as in "commit 3 partitions".
    """
    said = str(error) or type(error).__name__
    if isinstance(error, _LOST):
        return PartitionLost(f"could not {doing}: {said}")
    if isinstance(error, MessageSizeTooLargeError | RecordTooLargeError):
        return MessageTooLarge(
            f"could not {doing}: {said}. Raise max.message.bytes of the topic, or send less"
        )
    # The client calls its own time-outs final; whoever asks again may well be answered.
    if isinstance(error, TimeoutError | KafkaTimeoutError):
        return TransportUnavailable(f"could not {doing}: no answer in time")
    if isinstance(error, KafkaError) and not error.retriable:
        return TransportError(f"could not {doing}: {said}")
    return TransportUnavailable(f"could not {doing}: {said}")


_KEPT_OUT: dict[type[KafkaError], str] = {
    InconsistentGroupProtocolError: (
        "it has members that are not callboard's, and place its partitions in another way. Give "
        "one of the programs another group"
    ),
    InvalidSessionTimeoutError: (
        "the broker does not take the session timeout; it says which in "
        "group.min.session.timeout.ms and group.max.session.timeout.ms"
    ),
    InvalidGroupIdError: "the broker does not take its name. Choose another",
    GroupAuthorizationFailedError: (
        "this user may not read it; docs/security.md has what users must be allowed"
    ),
}


def kept_out(error: KafkaError, group: str) -> TransportError | None:
    """Return the error of a node that its group will not take, or None: it may, by and by."""
    why = _KEPT_OUT.get(type(error))
    return None if why is None else TransportError(f"cannot join group {group!r}: {why}")


def no_broker(bootstrap: str, seconds: float) -> TransportUnavailable:
    """Return the error for an address where nothing answers."""
    port = bootstrap.rpartition(":")[2]
    return TransportUnavailable(
        f"no Kafka broker answers at {bootstrap} (given {seconds:g} s at most). "
        f"Check the address, or start a broker for development with: "
        f"callboard broker --port {port}"
    )
