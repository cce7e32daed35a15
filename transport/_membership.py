"""What a node says of itself: heartbeats, and failures as they happen."""

import asyncio
from collections.abc import Callable, Sequence

from ..actors import ActorSystem, FailureEvent
from ..schemas import FailureEvent as FailureMessage
from ..schemas import Heartbeat, OwnedPartition
from ._outbound import ClientSender
from .delivery import Outbound, TopicPartition, failures_topic, members_topic

INTERVAL = 0.5


class Announcer:
    """Writes heartbeats to the members topic and failure events to the failures topic.

    Both are told, not awaited: a node that cannot reach the log has other
    things to report than that. A heartbeat that is missing is noticed by its
    absence.
    """

    def __init__(
        self,
        system: ActorSystem,
        sender: ClientSender,
        owned: Callable[[], Sequence[TopicPartition]],
        counters: Callable[[], dict[str, int]],
    ) -> None:
        self._system = system
        self._sender = sender
        self._owned = owned
        self._counters = counters
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Start announcing."""
        self._unsubscribe = self._system.events.subscribe(FailureEvent, self._failed)
        self._task = asyncio.create_task(self._run(), name="callboard-heartbeat")

    async def aclose(self) -> None:
        """Announce that the node leaves, and stop."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._beat(leaving=True)

    async def _run(self) -> None:
        while True:
            self._beat(leaving=False)
            await asyncio.sleep(INTERVAL)

    def _beat(self, *, leaving: bool) -> None:
        heartbeat = Heartbeat(
            node=self._system.node,
            at=self._system.wall_clock(),
            owned=[OwnedPartition(topic=t, partition=p) for t, p in self._owned()],
            counters=self._counters(),
            leaving=leaving,
        )
        to = TopicPartition(members_topic(self._system.name), 0)
        key = self._system.node.encode()
        self._sender.post_record(
            Outbound(to, key, heartbeat.SerializeToString(deterministic=True), [])
        )

    def _failed(self, event: FailureEvent) -> None:
        to = TopicPartition(failures_topic(self._system.name), 0)
        value = failure_message(event).SerializeToString(deterministic=True)
        self._sender.post_record(Outbound(to, event.path.encode(), value, []))


def failure_message(event: FailureEvent) -> FailureMessage:
    """Return the wire twin of a failure event."""
    return FailureMessage(
        at=event.at,
        node=event.node,
        path=event.path,
        message_type=event.message_type,
        message_id=event.message_id,
        error_type=event.error_type,
        error=event.error,
        traceback=event.traceback,
        decision=event.decision,
        attempt=event.attempt,
        delay=event.delay,
        suppressed=event.suppressed,
    )


def failure_from(message: FailureMessage) -> FailureEvent:
    """Return the failure event a wire twin stands for."""
    return FailureEvent(
        at=message.at,
        node=message.node,
        path=message.path,
        message_type=message.message_type,
        message_id=message.message_id,
        error_type=message.error_type,
        error=message.error,
        traceback=message.traceback,
        decision=message.decision,
        attempt=message.attempt,
        delay=message.delay,
        suppressed=message.suppressed,
    )
