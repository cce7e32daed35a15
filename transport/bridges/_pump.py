"""What a bridge does: an actor that takes from a queue, writes, and acknowledges."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from ...actors import Actor, SupervisionStrategy
from ..delivery import Outbound, to_its_end
from ._declared import Bridge
from ._foreign import ForeignMessage, Session
from ._intake import Intake, Seen, as_record, id_in

_LOOK_EVERY = 0.5
_TIDY_EVERY = 60.0
_FULL = 0.1
_FAREWELL = 2.0


class Pump(Actor):
    """Carries messages from one queue into an intake, each exactly once as far as it has an id.

    Order of events: it becomes the only one who writes the intake; reads which ids stand there;
    connects; then again and again takes what has come, writes what is new as one transaction, and
    acknowledges. Whatever fails ends it, and its supervisor starts it anew after a while: what was
    not acknowledged comes again, and is known by its id.

    Args:
        bridge: Its declaration.
        intake: Where it writes.
    """

    def __init__(self, bridge: Bridge, intake: Intake) -> None:
        self._bridge = bridge
        self._label = bridge.source.label  # taken out of a URL, which is not for each message
        self._intake = intake
        self._seen = Seen(bridge.options.remember)
        self._looked = self._tidied = float("-inf")
        self._written = 0  # since it was last looked
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
        async for records in self._intake.newest(options.remember):
            for record in records:
                self._seen.is_new(id_in(record))
        async with self._bridge.source.session() as session:
            self.context.log.info("a bridge runs here now", source=self._label)
            while True:
                await self._room()
                batch = await session.take(options.batch)
                await to_its_end(self._carry(session, batch), "callboard-bridge-batch", _FAREWELL)

    async def _carry(self, session: Session, batch: Sequence[ForeignMessage]) -> None:
        await self._write(session, batch)
        await session.acknowledge(batch)

    async def _write(self, session: Session, batch: Sequence[ForeignMessage]) -> None:
        records: list[Outbound] = []
        for message in batch:
            if not message.id:
                self._tell_of_no_id()
            if not self._seen.is_new(message.id):
                continue
            if len(message.body) > self._bridge.options.max_message_bytes:
                where = await session.set_aside(message)
                self.context.log.error(
                    "a message is too large for the log and was set aside",
                    source=self._label,
                    id=message.id,
                    bytes=len(message.body),
                    limit=self._bridge.options.max_message_bytes,
                    where=where,
                )
                continue
            bridge = self._bridge
            to = self._intake.partition
            records.append(as_record(message, to, self._label, bridge.answers))
        if records:
            await self._intake.write(records)
            self._written += len(records)

    async def _room(self) -> None:
        """Wait while too much is not handled yet; look now and then, and tidy up."""
        now = self.context.system.now()
        few = self._written < self._bridge.options.max_backlog // 2
        if few and now - self._looked < _LOOK_EVERY:
            return
        # What is handled is on another node's side of the log: nothing here says when.
        while await self._intake.backlog() >= self._bridge.options.max_backlog:  # noqa: ASYNC110
            await asyncio.sleep(_FULL)
        self._looked, self._written = self.context.system.now(), 0
        if now - self._tidied > _TIDY_EVERY:
            self._tidied = now
            await self._intake.tidy(self._bridge.options.remember)

    def _tell_of_no_id(self) -> None:
        if not self._told_of_no_ids:
            self._told_of_no_ids = True
            self.context.log.warning(
                "messages have no id, so one that comes again is not known: give the source id=, "
                "a function of body and headers",
                source=self._label,
            )


class BridgeKeeper(Actor):
    """Supervises the pump of one bridge: starts it anew, with backoff, for as long as it takes.

    Args:
        bridge: The declaration.
        intake: Makes what the pump writes.
    """

    def __init__(self, bridge: Bridge, intake: Callable[[], Intake]) -> None:
        self.supervision: SupervisionStrategy | None = bridge.supervision
        self._bridge = bridge
        self._intake = intake()

    async def started(self) -> None:
        """Start the pump."""
        self.context.spawn(Pump, self._bridge, self._intake, name="pump")

    async def stopped(self) -> None:
        """Disconnect, when the pump has ended."""
        await self._intake.aclose()
