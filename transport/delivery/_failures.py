"""Failures of entities: as events, and as answers to those who asked."""

import traceback
from collections.abc import Mapping

from ...actors import (
    ActorFailed,
    ActorStopped,
    ActorSystem,
    FailureEvent,
    MailboxFull,
    SchemaError,
    text_of,
)
from ...schemas import AskFailure, Message, Refusal
from ._codec import CORRELATION, ID, REPLY_TO, TYPE, Codec, text
from ._records import Header, Outbound, TopicPartition

STATUS = "cb_status"
OK, NOTHING, FAILED = b"ok", b"nothing", b"failed"

_MAX_ERROR = 500
_MAX_TRACEBACK = 4_000


class NewerStateError(SchemaError):
    """A state was written by a later version of the class than the one that runs here."""


class UnhandledMessageError(SchemaError):
    """An entity has no handler for a message's type; the sender or the entity is wrong."""

    def __init__(self, entity: type, message: type) -> None:
        name = message.__name__
        super().__init__(
            f"{entity.__name__} has no handler for {name}; write one: "
            f"@handler def {name.lower()}(self, message: {name}) -> None: ..."
        )


def failure_event(
    system: ActorSystem,
    *,
    path: str,
    headers: dict[str, bytes],
    error: BaseException,
    decision: str,
    attempt: int,
    delay: float,
) -> FailureEvent:
    """Return the event that tells of an entity's failure."""
    trace = "".join(traceback.format_exception(error))
    return FailureEvent(
        at=system.wall_clock(),
        node=system.node,
        path=path,
        message_type=text(headers, TYPE),
        message_id=text(headers, ID),
        error_type=type(error).__qualname__,
        error=text_of(error)[:_MAX_ERROR],
        traceback=trace[-_MAX_TRACEBACK:],
        decision=decision,
        attempt=attempt,
        delay=delay,
    )


def reply_address(inbox: TopicPartition, node: str) -> bytes:
    """Return what `cb_reply_to` says: where the asking node reads its answers."""
    return f"{inbox.topic}/{inbox.partition}/{node}".encode()


def _reply_target(reply_to: bytes) -> tuple[TopicPartition, bytes] | None:
    topic, slash, rest = reply_to.decode(errors="replace").partition("/")
    partition, slash2, node = rest.partition("/")
    if not (topic and slash and slash2 and node and partition.isdecimal()):
        return None
    return TopicPartition(topic, int(partition)), node.encode()


def ask_reply(headers: Mapping[str, bytes], result: object, codec: Codec) -> Outbound | None:
    """Return the record that answers a message with its handler's result, if it was an ask.

    Raises:
        SchemaError: The handler returned something that cannot travel.
    """
    if REPLY_TO not in headers:
        return None
    target = _reply_target(headers[REPLY_TO])
    if target is None:
        return None
    back: list[Header] = [(CORRELATION, headers.get(CORRELATION, b""))]
    if result is None:
        return Outbound(*target, b"", [*back, (STATUS, NOTHING)])
    kind, value = codec.encode(result)
    return Outbound(*target, value, [*back, (STATUS, OK), kind])


def ask_failure(headers: Mapping[str, bytes], path: str, error: BaseException) -> Outbound | None:
    """Return the record that tells an asker its message failed; None if nobody asked."""
    kind = type(error).__qualname__
    return _failed(headers, AskFailure(path=path, error_type=kind, error=_short(error)))


def ask_error(headers: Mapping[str, bytes], path: str, error: BaseException) -> Outbound | None:
    """Return the record that has an ask raise elsewhere what it has raised here."""
    if isinstance(error, ActorFailed):
        said = error.error_message[:_MAX_ERROR]
        return _failed(headers, AskFailure(path=path, error_type=error.error_type, error=said))
    if isinstance(error, ActorStopped):
        refusal, message = Refusal.REFUSAL_STOPPED, error.message_type
        return _failed(headers, AskFailure(path=path, refusal=refusal, message_type=message))
    if isinstance(error, MailboxFull):
        refusal = Refusal.REFUSAL_FULL
        return _failed(headers, AskFailure(path=path, refusal=refusal, capacity=error.capacity))
    return ask_failure(headers, path, error)


def _failed(headers: Mapping[str, bytes], failure: AskFailure) -> Outbound | None:
    target = _reply_target(headers.get(REPLY_TO, b""))
    if target is None:
        return None
    back: list[Header] = [(CORRELATION, headers.get(CORRELATION, b"")), (STATUS, FAILED)]
    return Outbound(*target, failure.SerializeToString(deterministic=True), back)


def _short(error: BaseException) -> str:
    return text_of(error)[:_MAX_ERROR]


def read_reply(
    headers: dict[str, bytes], value: bytes | None, codec: Codec
) -> Message | BaseException | None:
    """Return what an answer says: the reply, nothing, or why it failed."""
    status = headers.get(STATUS)
    if status == NOTHING:
        return None
    if status == FAILED:
        failure = AskFailure.FromString(value or b"")
        if failure.refusal == Refusal.REFUSAL_STOPPED:
            return ActorStopped(failure.path, failure.message_type)
        if failure.refusal == Refusal.REFUSAL_FULL:
            return MailboxFull(failure.path, failure.capacity)
        return ActorFailed(failure.path, failure.error_type, failure.error)
    try:
        return codec.decode(headers.get(TYPE), value)
    except SchemaError as error:
        return error
