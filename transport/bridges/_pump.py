"""What a bridge does: an actor that takes from a queue, writes, and acknowledges."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ...actors import Actor, SupervisionStrategy
from ..delivery import Inbound, Outbound, batch_time, to_its_end
from ._declared import Bridge
from ._direct import DirectRoute
from ._foreign import ForeignMessage, Session
from ._intake import Intake, as_record
from ._known import Known, recall
from ._receipts import receipts

_LOOK_EVERY = 0.5
_TIDY_EVERY = 60.0
_SETTLE_EVERY = 2.0
_FULL = 0.1
_FAREWELL = 2.0
_SHOWN = 200


class Pump(Actor):
    """Carries messages from one queue into the log, each exactly once as far as it has an id.

    Order of events: it becomes the only one who writes the intake; reads which ids the log has;
    connects; then again and again takes what has come, writes what is new as one transaction, and
    acknowledges. Whatever fails ends it, and its supervisor starts it anew after a while: what was
    not acknowledged comes again, and is known by its id.

    What goes straight to entities must not overtake what stands in the intake. So what is for an
    entity for which something waits there, or is parked, goes there as well, until nothing is.

    Args:
        bridge: Its declaration.
        intake: Where it writes.
        route: Makes what entities get; None if all has to go by the intake.
    """

    def __init__(self, bridge: Bridge, intake: Intake, route: DirectRoute | None) -> None:
        self._bridge = bridge
        self._label = bridge.source.label  # taken out of a URL, which is not for each message
        self._intake = intake
        self._route = route
        self._known = Known(bridge.options.remember)
        self._looked = self._settled = self._tidied = float("-inf")
        self._written = 0  # since it was last looked
        self._standing = -1  # the last message of the intake, which may not be handled yet
        self._told_of_no_ids = False
        self._ended = asyncio.Event()
        self._ended.set()

    async def started(self) -> None:
        """Begin."""
        self.context.pipe_to_self(self._run())

    async def stopped(self) -> None:
        """Wait until what is in hand is written and acknowledged.

        It would come again, and be known; but who looks at the queue would find it there.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await self._ended.wait()

    async def _run(self) -> None:
        self._ended.clear()
        try:
            await self._pump()
        finally:
            self._ended.set()

    async def _pump(self) -> None:
        options = self._bridge.options
        await self._intake.fence()
        self._known = await recall(self._intake, options.remember, self._waits)
        if self._route is not None:
            self._route.detour(await self._intake.parked())
        async with self._bridge.source.session() as session:
            self.context.log.info("a bridge runs here now", source=self._label)
            # What comes next is fetched while this is written.
            ahead = asyncio.create_task(self._next(session))
            try:
                while True:
                    batch = await ahead
                    ahead = asyncio.create_task(self._next(session))
                    await to_its_end(
                        self._carry(session, batch), "callboard-bridge-batch", _FAREWELL
                    )
            finally:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)

    async def _next(self, session: Session) -> Sequence[ForeignMessage]:
        await self._room()
        return await session.take(self._bridge.options.batch)

    async def _carry(self, session: Session, batch: Sequence[ForeignMessage]) -> None:
        await self._write(session, batch)
        await session.acknowledge(batch)

    async def _write(self, session: Session, batch: Sequence[ForeignMessage]) -> None:
        new = [message for message in batch if self._is_new(message)]
        largest = self._bridge.options.max_message_bytes
        if any(message.size > largest for message in new):
            new = [message for message in new if not await self._set_aside(session, message)]
        await self._settle()
        if not new:
            return
        written = _Written()
        offsets = await self._intake.write(self._records_of(new, written))
        self._written += written.straight + len(written.foreign)
        own = iter(offsets[written.straight :])
        for message, offset in zip(written.foreign, own, strict=False):
            self._known.stands(offset, 1 if message.id else 0)
            self._standing = offset
        for slip, offset in zip(written.slips, own, strict=True):
            self._known.stands(offset, slip)

    def _records_of(
        self, messages: Sequence[ForeignMessage], written: "_Written"
    ) -> Iterator[Outbound]:
        """Yield what entities get, then what is left to the intake, and the ids of all but that."""
        route = self._route
        time = batch_time(self.context.system.wall_clock())
        ids: list[str] = []
        for message in messages:
            made = None if route is None else route.records_of(message, time)
            if made is None:
                written.foreign.append(message)
                continue
            for record in made:
                written.straight += 1
                yield record
            if message.id:
                ids.append(message.id)
        to, label = self._intake.partition, self._label
        for message in written.foreign:
            yield as_record(message, to, label, self._bridge.answers)
        for slip in receipts(ids, to, label):
            written.slips.append(slip.named)
            yield slip.record

    def _is_new(self, message: ForeignMessage) -> bool:
        if not message.id:
            self._tell_of_no_id()
        return self._known.is_new(message.id)

    async def _set_aside(self, session: Session, message: ForeignMessage) -> bool:
        """Set a message aside if it is too large for the log; tell whether it was."""
        limit = self._bridge.options.max_message_bytes
        if message.size <= limit:
            return False
        self.context.log.error(
            "a message is too large for the log and was set aside",
            source=self._label,
            id=message.id[:_SHOWN],
            bytes=message.size,
            limit=limit,
            where=await session.set_aside(message),
        )
        return True

    async def _room(self) -> None:
        """Wait while too much is not handled yet; look now and then, and tidy up."""
        now = self.context.system.now()
        few = self._written < self._bridge.options.max_backlog // 2
        if few and now - self._looked < _LOOK_EVERY:
            return
        self._written = 0  # what is written while it looks is counted twice, not left out
        # What is handled is on another node's side of the log: nothing here says when.
        while await self._intake.backlog() >= self._bridge.options.max_backlog:  # noqa: ASYNC110
            await asyncio.sleep(_FULL)
        self._looked = self.context.system.now()
        if now - self._tidied > _TIDY_EVERY:
            self._tidied = now
            await self._intake.tidy(self._known.needed_from)

    async def _settle(self) -> None:
        """End detours, when what went by the intake is handled; but for parked entities."""
        now = self.context.system.now()
        if self._route is None or self._standing < 0 or now - self._settled < _SETTLE_EVERY:
            return
        self._settled = now
        if (await self._intake.extent()).position > self._standing:
            self._standing = -1
            self._route.detour_only(await self._intake.parked())

    def _waits(self, record: Inbound) -> None:
        self._standing = max(self._standing, record.offset)
        if self._route is not None:
            self._route.came_before(record)

    def _tell_of_no_id(self) -> None:
        if not self._told_of_no_ids:
            self._told_of_no_ids = True
            self.context.log.warning(
                "messages have no id, so one that comes again is not known: give the source id=, "
                "a function of body and headers",
                source=self._label,
            )


@dataclass(slots=True)
class _Written:
    """What became of the messages of a batch.

    Attributes:
        straight: How many records went straight to entities.
        foreign: Those that were left to the intake.
        slips: How many ids each receipt has.
    """

    straight: int = 0
    foreign: list[ForeignMessage] = field(default_factory=list[ForeignMessage])
    slips: list[int] = field(default_factory=list[int])


class BridgeKeeper(Actor):
    """Supervises the pump of one bridge: starts it anew, with backoff, for as long as it takes.

    Args:
        bridge: The declaration.
        intake: Makes what the pump writes.
        route: As for the pump.
    """

    def __init__(
        self, bridge: Bridge, intake: Callable[[], Intake], route: DirectRoute | None
    ) -> None:
        self.supervision: SupervisionStrategy | None = bridge.supervision
        self._bridge = bridge
        self._intake = intake()
        self._route = route

    async def started(self) -> None:
        """Start the pump."""
        self.context.spawn(Pump, self._bridge, self._intake, self._route, name="pump")

    async def stopped(self) -> None:
        """Disconnect, when the pump has ended."""
        await self._intake.aclose()
