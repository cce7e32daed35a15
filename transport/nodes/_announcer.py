"""What a node says of itself: heartbeats, and failures as they happen."""

import asyncio
from collections.abc import Callable, Sequence

from ...actors import ActorSystem, FailureEvent
from ...schemas import FailureEvent as FailureMessage
from ...schemas import Heartbeat, OwnedPartition, Service
from ..delivery import Outbound, TopicPartition, failures_topic, members_topic
from ._sender import Sender

INTERVAL = 1.0
"""Seconds between heartbeats."""
_PATIENCE = 2.0


class Announcer:
    """Writes heartbeats to the members topic and failure events to the failures topic.

    Both are told, not awaited: a node that cannot reach the log has other
    things to report than that. A heartbeat that is missing is noticed by its
    absence.

    Args:
        system: The node.
        sender: Writes records.
        run: Tells this run of the node from others of its name.
        owned: Returns the partitions it runs.
        counters: Returns its counts.
    """

    def __init__(
        self,
        system: ActorSystem,
        sender: Sender,
        run: str,
        owned: Callable[[], Sequence[TopicPartition]],
        counters: Callable[[], dict[str, int]],
    ) -> None:
        self._system = system
        self._sender = sender
        self._run_id = run
        self._owned = owned
        self._counters = counters
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._stopping = False
        self._soon: asyncio.Handle | None = None

    def start(self) -> None:
        """Start announcing."""
        self._unsubscribe = self._system.events.subscribe(FailureEvent, self._failed)
        self._system.receptionist.on_change = self.soon
        self._task = asyncio.create_task(self._run(), name="callboard-heartbeat")

    def soon(self) -> None:
        """Announce in a moment what has changed."""
        if self._task is not None and self._soon is None:
            self._soon = asyncio.get_running_loop().call_soon(self.beat)

    async def written(self) -> None:
        """Return when what was announced so far is in the log, or after two seconds."""
        await self._sender.drain(_PATIENCE)

    def leave(self) -> None:
        """Announce that the node has begun to stop."""
        if self._task is not None and not self._stopping:
            self._stopping = True
            self.beat()

    async def aclose(self) -> None:
        """Announce that the node has stopped, and stop."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._soon is not None:
            self._soon.cancel()
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.beat(leaving=True)

    async def _run(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(INTERVAL)

    def beat(self, *, leaving: bool = False) -> None:
        """Write a heartbeat."""
        self._soon = None
        system = self._system
        heartbeat = Heartbeat(
            node=system.node,
            at=system.wall_clock(),
            owned=[OwnedPartition(topic=t, partition=p) for t, p in self._owned()],
            counters=self._counters(),
            leaving=leaving,
            run=self._run_id,
            stopping=self._stopping,
            services=[
                Service(key=key, names=path.segments[1:])
                for key, path in system.receptionist.here()
            ],
        )
        to = TopicPartition(members_topic(system.name), 0)
        value = heartbeat.SerializeToString(deterministic=True)
        self._sender.post_record(Outbound(to, system.node.encode(), value, []))

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
