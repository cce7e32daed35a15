"""What a node sends as a client: buffered, written in batches, bounded."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..actors import TransportClosed, TransportError, TransportUnavailable
from .delivery import LogPort, Outbound, batch_headers
from .nodes import Lost, Make

DEFAULT_CAPACITY = 100_000
_RETRY_INITIAL, _RETRY_MAXIMUM = 0.1, 2.0
_PIECE = 5_000


class _Item(NamedTuple):
    record: Outbound
    done: asyncio.Future[None] | None
    number: int | None  # None: complete as it is, not a message of this source
    lost: Lost | None = None


class ClientSender:
    """Appends messages that no entity's handler sent, in the order they were given.

    One write is under way at a time; what is sent meanwhile makes the next
    batch. Its ids are numbers of one run of this node, and its floor is the
    first number not yet acknowledged, so a write that had to be repeated is
    dropped where it arrives twice.

    Args:
        source: This run of this node, as a source of messages.
        now: Returns the CloudEvents time of this moment.
        capacity: Messages waiting; `post` refuses more, `send` waits.
        timeout: Seconds until a message that could not be written fails.
    """

    def __init__(
        self,
        source: str,
        now: Callable[[], bytes],
        *,
        capacity: int = DEFAULT_CAPACITY,
        timeout: float = 30.0,
    ) -> None:
        self._source = source
        self._now = now
        self._capacity = capacity
        self._timeout = timeout
        self._next = 0
        self._waiting: list[_Item] = []
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def start(self, port: LogPort) -> None:
        """Start writing in the background, with what was taken before first."""
        self._task = asyncio.create_task(self._run(port), name="callboard-sender")

    @property
    def waiting(self) -> int:
        """Messages taken and not yet being written."""
        return len(self._waiting)

    def post(self, make: Make, lost: Lost | None = None) -> None:
        """Take a message; it is written soon, or lost with this process.

        Args:
            make: Builds the record from the message id it is given.
            lost: Called with the reason when it was given up.

        Raises:
            TransportUnavailable: `capacity` messages are waiting.
            TransportClosed: The transport was closed.
        """
        self._check_open()
        if len(self._waiting) >= self._capacity:
            raise TransportUnavailable(
                f"{self._capacity:,} messages wait for the broker already; "
                f"use `await send(...)`, which waits for room"
            )
        self._put(make, None, lost)

    def put(self, make: Make, done: asyncio.Future[None]) -> None:
        """Take a message for whoever has waited long enough elsewhere; room is not looked at.

        Args:
            make: Builds the record from the message id it is given.
            done: Its result is set when all replicas have it, else its exception.

        Raises:
            TransportClosed: The transport was closed.
        """
        self._check_open()
        self._put(make, done)

    def post_record(self, record: Outbound) -> None:
        """Take a record that is complete as it is: an answer, a heartbeat.

        Dropped when the buffer is full or closed: whoever waits for it has a
        deadline, and the next one says the same.
        """
        if not self._closed and len(self._waiting) < self._capacity:
            self._append(_Item(record, None, None))

    async def send(self, make: Make) -> None:
        """Write a message and wait until all replicas have it.

        Args:
            make: Builds the record from the message id it is given. Called when
                there is room, so that ids follow the order of writing.

        Raises:
            TransportUnavailable: Not acknowledged within the time-out. It may
                have been written all the same.
            TransportClosed: The transport was closed first.
        """
        while not self._room.is_set():
            await self._room.wait()  # ends: each write has a deadline, and closing sets it
        self._check_open()
        done = asyncio.get_running_loop().create_future()
        self._put(make, done)
        await done

    async def send_all(self, makes: Sequence[Make]) -> None:
        """Write messages in their order, and wait until all replicas have all of them.

        Raises:
            TransportUnavailable: Not all are acknowledged within the time-out. Some, or
                all, may have been written all the same.
            TransportClosed: The transport was closed first.
        """
        loop = asyncio.get_running_loop()
        waiting: list[asyncio.Future[None]] = []
        for first in range(0, len(makes), _PIECE):
            while not self._room.is_set():
                await self._room.wait()  # ends, as in `send`
            self._check_open()
            piece = makes[first : first + _PIECE]
            for make in piece[:-1]:
                self._put(make, None)
            # What is put without a wait in between is written as one: the last one stands for all.
            waiting.append(loop.create_future())
            self._put(piece[-1], waiting[-1])
        await asyncio.gather(*waiting)

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 the bound is the caller's budget
        """Wait until everything taken so far is written, up to `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._quiet.wait()
        except TimeoutError:
            return

    async def aclose(self) -> None:
        """Stop. What was not written fails with `TransportClosed`."""
        self._closed = True
        self._room.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        _fail(self._waiting, TransportClosed("the transport was closed before it was written"))
        self._waiting.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise TransportClosed("the transport is closed; send inside `async with system`")

    def _put(self, make: Make, done: asyncio.Future[None] | None, lost: Lost | None = None) -> None:
        number = self._next
        record = make(f"{self._source}:{number}.0")  # a MessageId, written without making one
        self._next = number + 1
        self._append(_Item(record, done, number, lost))

    def _append(self, item: _Item) -> None:
        self._waiting.append(item)
        self._work.set()
        self._quiet.clear()
        if len(self._waiting) >= self._capacity:
            self._room.clear()

    async def _run(self, port: LogPort) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            items, self._waiting = self._waiting, []
            self._room.set()
            if items:
                try:
                    await self._write(port, items)
                except asyncio.CancelledError:
                    _fail(items, TransportClosed("the transport was closed while it was written"))
                    raise
            if not self._waiting:
                self._quiet.set()

    async def _write(self, port: LogPort, items: list[_Item]) -> None:
        batch = batch_headers(time=self._now(), floor=str(self._floor(items)).encode())
        records = [
            item.record
            if item.number is None
            else Outbound(
                item.record.to, item.record.key, item.record.value, [*item.record.headers, *batch]
            )
            for item in items
        ]
        loop = asyncio.get_running_loop()
        deadline, delay = loop.time() + self._timeout, _RETRY_INITIAL
        while True:
            try:
                await port.produce(records)
            except TransportError as error:
                if not isinstance(error, TransportUnavailable) or loop.time() + delay > deadline:
                    _fail(items, error)
                    return
                await asyncio.sleep(delay)
                delay = min(delay * 2, _RETRY_MAXIMUM)
            else:
                for item in items:
                    if item.done is not None and not item.done.done():
                        item.done.set_result(None)
                return

    def _floor(self, items: list[_Item]) -> int:
        # One write at a time: what comes before the first in hand is acknowledged or given up.
        return next((item.number for item in items if item.number is not None), self._next)


def _fail(items: list[_Item], error: Exception) -> None:
    for item in items:
        if item.lost is not None:
            item.lost(error)
        if item.done is not None and not item.done.done():
            item.done.set_exception(error)
            item.done.exception()  # a sender that was cancelled meanwhile does not ask for it
