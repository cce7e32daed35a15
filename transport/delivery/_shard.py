"""One owned mailbox partition: its lanes, its tracker, what it owes the log."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from ...actors import SchemaError
from ._failures import failure_event
from ._host import Host
from ._local_store import Checkpoint, LocalStoreError
from ._outcome import Outcome
from ._progress import Position
from ._quarantine import KEYLESS, note, quarantine_record, release_answer
from ._receiver import KeyLane, Receiver
from ._records import Inbound, Outbound, TopicPartition, size_of, sizes_of
from ._state import Mark, StoredState
from ._tracker import Tracker
from ._truths import Truths
from ._work import Work


class Shard:
    """A mailbox partition while this node owns it; a new one per assignment.

    Life: restored and marked (`begin`), running, perhaps draining (`pause`),
    and at last `disown`ed. Outcomes that arrive after that are dropped, so
    nothing of an older assignment is ever written or committed.
    """

    def __init__(
        self,
        host: Host,
        kind: Receiver,
        partition: TopicPartition,
        *,
        on_work: Callable[[], None],
        on_escalate: Callable[[BaseException, str], None],
    ) -> None:
        self.host = host
        self.kind = kind
        self.partition = partition
        self.source = kind.source(partition)
        """The name of this partition as a source of messages."""
        self.epoch = 0
        self.committed = Position(0)
        """What this node knows to be committed; in exactly-once mode nobody else may move it."""
        self.written = -1
        """Offset of the last record known in the state partition."""
        self.gaps: list[tuple[int, int]] = []
        """Stretches of the state partition that this node did not write and has not read."""
        self.tracker = Tracker(0)
        self.mark: Mark | None = None
        """This node's own marker in the state partition."""
        self.superseded = False
        """Another node has marked a higher epoch: what stands in the log is not known here."""
        self.truths = Truths(host.store, self.source)
        """The truth of entities that have no lane."""
        self.backlog = 0
        """Records that are finished and not handled, of those who handle at most once."""
        self.lanes: dict[str, KeyLane] = {}
        self.running = False
        self.owned = True
        self._outcomes: list[Outcome] = []
        self._finished: list[int] = []  # offsets of records that left nothing to be written
        self._again: dict[str, None] = {}  # entities whose state is to be written once more
        self._on_work = on_work
        self._on_escalate = on_escalate

    # -- life ---------------------------------------------------------------

    def begin(self, position: Position) -> None:
        """Start delivering from a position; state is restored, the marker written."""
        self.committed = position
        self.tracker = Tracker(position.offset, position.ahead, load=self.host.load)
        self.running = True

    def pause(self) -> None:
        """Start no further message; those in hand go on."""
        self.running = False

    def disown(self) -> None:
        """Drop everything: another node may own the partition from now on."""
        self.running = False
        self.owned = False
        self._outcomes.clear()
        self._finished.clear()
        self.tracker.abandon()
        for lane in self.lanes.values():
            lane.detach()

    @property
    def busy(self) -> bool:
        """An async handler is still running."""
        return any(lane.busy for lane in self.lanes.values())

    @property
    def accepts(self) -> bool:
        """It delivers, and has room for more records."""
        options, load, tracker = self.host.options, self.host.load, self.tracker
        in_hand = tracker.in_flight + self.backlog
        if not self.running or in_hand >= options.max_in_flight:
            return False
        full = (
            load.records >= options.max_node_in_flight or load.bytes >= options.max_node_bytes
        ) and tracker.in_flight > 0
        return not full and tracker.span < options.max_in_flight * 8

    # -- mail -----------------------------------------------------------------

    def deliver(self, records: Sequence[Inbound]) -> None:
        """Fan records out to their lanes, in order."""
        now = asyncio.get_running_loop().time()
        if not self.tracker.all_received([each.offset for each in records], sizes_of(records)):
            received = self.tracker.received
            records = [each for each in records if received(each.offset, size_of(each))]
        whole = self.kind.whole_lane(self)
        if whole is not None:
            whole.last_used = now
            whole.post_all(records)
            return
        lanes, key_of = self.lanes, self.kind.key_of
        for record in records:
            key = key_of(record)
            if key is None:
                self._refuse_keyless(record)
                continue
            lane = lanes.get(key) or self._open_lane(key)
            if lane is None:
                return
            lane.last_used = now
            lane.post(record)

    def _open_lane(self, key: str) -> KeyLane | None:
        try:
            known = self.truths.take(key)
        except LocalStoreError as error:
            self.escalate(error, self.source)
            return None
        lane = self.lanes[key] = self.kind.lane(self, key, known or _NOTHING)
        return lane

    def done(self, outcome: Outcome) -> None:
        """Take what a handled record left; it becomes durable with the next flush."""
        if self.owned:
            self._outcomes.append(outcome)
            self._on_work()

    def finished(self, offsets: Sequence[int]) -> None:
        """Take records that are handled and leave nothing to be written, many at a time."""
        if self.owned and offsets:
            self._finished.extend(offsets)
            self._on_work()

    def take(self) -> Work | None:
        """Hand over all outcomes so far, with the states they led to."""
        if not (self._outcomes or self._finished or self._again):
            return None
        outcomes, self._outcomes = self._outcomes, []
        finished, self._finished = self._finished, []
        again, self._again = self._again, {}
        return Work(self, outcomes, finished, again)

    def was_committed(self, position: Position) -> None:
        """Take note of what the group has taken."""
        self.committed = position
        self.kind.committed(self)

    def settled(self, work: Work) -> None:
        """Take note that a flush is durable: its records are finished."""
        if not self.owned:
            return
        offsets = [each.offset for each in work.outcomes if each.offset is not None]
        self.tracker.all_finished([*offsets, *work.finished])

    # -- the state partition ------------------------------------------------------

    def truth(self, key: str) -> StoredState | None:
        """Return what is known of an entity, as of this ownership."""
        lane = self.lanes.get(key)
        if lane is not None:
            return lane.stored()
        known = self.truths.look(key)
        return None if known is None else known._replace(epoch=self.epoch)

    def known(self) -> dict[str, StoredState]:
        """Return what the lanes know, and must not be forgotten."""
        return {key: lane.stored() for key, lane in self.lanes.items() if lane.lasting}

    def checkpoint(self) -> Checkpoint | None:
        """Return how much of the state partition is known here; None if that cannot be said."""
        if self.mark is None or self.superseded:
            return None
        until = self.gaps[0][0] if self.gaps else self.written + 1
        return Checkpoint(until, self.epoch, self.mark)

    def wrote(self, states: Mapping[str, StoredState], offsets: Sequence[int]) -> None:
        """Take note of states that were written, and of gaps between, which others wrote."""
        self.truths.acknowledged(states)
        for offset in offsets:
            if offset > self.written + 1:
                self.gaps.append((self.written + 1, offset))
            self.written = max(self.written, offset)

    def wrote_until(self, end: int) -> None:
        """Take note of the partition's end, at a moment when nothing is being written."""
        if end > self.written + 1:
            self.gaps.append((self.written + 1, end))
        self.written = end - 1

    def settled_at(self, end: int) -> None:
        """Take note of a place in a partition below which nobody else can have written."""
        self.written, self.gaps = end - 1, []

    def write_again(self, keys: Iterable[str]) -> None:
        """Have states written once more, as they are known here."""
        self._again.update(dict.fromkeys(keys))
        self._on_work()

    # -- failure ----------------------------------------------------------------

    def quarantine(
        self, record: Inbound, reason: str, error: str, place: int, key: str | None = None
    ) -> Outbound:
        """Return the record that parks a message.

        Args:
            record: The message.
            reason: Why.
            error: What was raised, if something was.
            place: The offset it has, or once had.
            key: Whose it is, if that is not the record's own key.
        """
        self.host.counters.quarantined += 1
        return quarantine_record(
            self.kind.quarantine_partition(self.partition.partition),
            self.partition,
            record,
            reason=reason,
            error=error,
            at=self.host.system.wall_clock(),
            offset=place,
            key=key,
        )

    def note(self, key: str, place: int, fate: bytes) -> Outbound:
        """Return the record that says what became of a message in quarantine."""
        to = self.kind.quarantine_partition(self.partition.partition)
        raw = key.encode(errors="surrogateescape") or None
        return note(to, self.partition, raw, place, fate)

    def release_answer(self, key: str, run: bytes, parked_at: int) -> Outbound:
        """Return the record that answers a release."""
        to = self.kind.quarantine_partition(self.partition.partition)
        return release_answer(to, key.encode(errors="surrogateescape") or None, run, parked_at)

    def report(
        self,
        path: str,
        headers: dict[str, bytes],
        error: BaseException,
        decision: str,
        *,
        attempt: int = 1,
        delay: float = 0.0,
    ) -> None:
        """Publish that a message was failed on, and what was decided."""
        self.host.publish(
            failure_event(
                self.host.system,
                path=path,
                headers=headers,
                error=error,
                decision=decision,
                attempt=attempt,
                delay=delay,
            )
        )

    def escalate(self, error: BaseException, path: str) -> None:
        """Hand a failure to the node; this partition delivers nothing more."""
        self.running = False
        self._on_escalate(error, path)

    def _refuse_keyless(self, record: Inbound) -> None:
        error = SchemaError(
            f"record {record.offset} of {self.source} has no key that is UTF-8 text; "
            f"a mailbox record's key is the id of its entity"
        )
        path = f"callboard://{self.host.system.name}/{self.kind.name}"
        self.report(path, dict(record.headers), error, "quarantine")
        filed = self.quarantine(record, KEYLESS, str(error), record.offset)
        self.done(Outcome(record.offset, [], filed, None, None))

    async def let_go(self) -> None:
        """Tell every instance, if its kind wants to be told, that the partition leaves."""
        if self.kind.has_stopped:
            for lane in list(self.lanes.values()):
                await lane.passivate()

    # -- idleness -----------------------------------------------------------------

    async def passivate(self, before: float, now: float) -> None:
        """Let entities go that have had no mail since `before`; their truth stays."""
        for key, lane in list(self.lanes.items()):
            if not lane.idle:
                lane.last_used = now
            elif lane.last_used <= before:
                await self.passivate_one(key)

    async def passivate_one(self, key: str) -> None:
        """Let an entity go if it is idle now, and still is when it has said goodbye."""
        lane = self.lanes.get(key)
        if lane is None or not lane.idle:
            return
        await lane.passivate()
        if lane.idle and self.lanes.get(key) is lane:
            try:
                if lane.lasting:
                    self.truths.keep(key, lane.stored())
            except LocalStoreError as error:
                self.escalate(error, self.source)
                return
            del self.lanes[key]


_NOTHING = StoredState()
