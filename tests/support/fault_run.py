"""The bank of `fault_bank` as processes on a cluster, with a client that never stops sending."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka.admin import AdminClient
from google.protobuf.wrappers_pb2 import BytesValue
from support.apache_cluster import ApacheCluster
from support.cut_proxy import CutProxy
from support.fault_bank import (
    ACCOUNTS,
    DIARY,
    EXACTLY_ONCE,
    KINDS,
    LEDGER,
    STATE_DIR,
    SYSTEM,
    Account,
    Books,
    Ledger,
)

from callboard import ActorSystem, TransportError
from callboard.scenarios.v1.scenarios_pb2 import AccountState, Transfer
from callboard.transport import Inspector
from callboard.transport.delivery import mailbox_topic

SESSION = 3.0
"""Seconds of silence after which a node counts as dead."""

_DEADLINE = 90.0
_OPEN_SENDS = 64
_BATCH, _PAUSE = 2, 0.03
_QUIET = "nothing is sent"
_PARTITIONS = sum(kind.partitions for kind in KINDS)
_TESTS = Path(__file__).parents[1]


class _Strike(NamedTuple):
    what: str
    at: float


class FaultRun:
    """A system of its own on a cluster: nodes, a client, and what there is to compare at the end.

    Order of events: `async with` starts two nodes and waits until every account is at work,
    with the client sending on and on; the test strikes; `settled` ends the sending and waits
    until all is handled; `check` compares the states with the books.

    Whether an account is at work is seen by the credits it sends: they leave when the debit is
    written, and the nodes keep a diary of those that arrive.

    Args:
        cluster: Three brokers.
        proxy: The way to them that can be cut; only node `one` takes it.
        folder: For the nodes' logs and diaries.
        exactly_once: Run the nodes in exactly-once mode.
    """

    def __init__(
        self, cluster: ApacheCluster, proxy: CutProxy, folder: Path, *, exactly_once: bool = False
    ) -> None:
        self.name = f"bank-{uuid.uuid4().hex[:8]}"
        self.cluster = cluster
        self.proxy = proxy
        self.books = Books()
        self._folder = folder
        self._environment = {**os.environ, "PYTHONPATH": str(_TESTS), SYSTEM: self.name}
        if exactly_once:
            self._environment[EXACTLY_ONCE] = "yes"
        self._exactly_once = exactly_once
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}
        self._strikes: list[_Strike] = []
        self._unknown = 0
        self._open_sends = 0
        self._sending = asyncio.Event()
        self._sending.set()
        self._client = ActorSystem(
            self.name, transport=self._url(cluster.bootstrap), node="client", entities=()
        )
        self._inspector = Inspector(self._url(cluster.bootstrap), self.name)
        self._sender: asyncio.Task[None] | None = None
        self._open = contextlib.AsyncExitStack()

    # -- nodes ----------------------------------------------------------------------------

    def start(self, node: str, *, by_proxy: bool = False) -> None:
        """Start a node; `until_shared` waits for it.

        Node `one` keeps its states on disk, too, the others in the log alone.
        """
        environment = {**self._environment, DIARY: str(self._folder / f"{node}.diary")}
        if node == "one":
            environment[STATE_DIR] = str(self._folder / "states")
        way = self.proxy.bootstrap if by_proxy else self.cluster.bootstrap
        with (self._folder / f"{node}.log").open("ab") as log:
            self._nodes[node] = subprocess.Popen(
                [
                    *(sys.executable, "-m", "callboard", "run", "support.fault_bank:node"),
                    *("--node", node, "--transport", self._url(way), "--stop-on-stdin-close"),
                ],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def signal(self, node: str, number: signal.Signals) -> None:
        """Send a node a signal."""
        self._nodes[node].send_signal(number)

    async def ended(self, node: str) -> int:
        """Wait for a node that was told to end, and return its exit code."""
        process = self._nodes[node]
        code = await asyncio.to_thread(process.wait, _DEADLINE)
        assert process.stdin is not None, "it was given a pipe"
        process.stdin.close()
        return code

    async def until_shared(self, *nodes: str) -> None:
        """Wait until these nodes say, from now on, that they run all partitions, each some."""
        since = time.time()

        def shared() -> bool:
            said = [each for each in self._inspector.members().values() if each.at > since]
            owned = [partition for each in said for partition in each.owned]
            return {each.node for each in said if each.owned} == set(nodes) and len(owned) == len(
                set(owned)
            ) == _PARTITIONS

        await self._until(shared, f"the partitions are not shared among {nodes}")

    # -- strikes --------------------------------------------------------------------------

    def strike(self, what: str) -> None:
        """Take note that something happens now."""
        self._strikes.append(_Strike(what, time.time()))

    async def until_at_work(self) -> None:
        """Wait until every account has made a transfer that was asked for from now on."""
        first = len(self.books.asked)

        def at_work() -> bool:
            return {source for _, number, source in self._seen() if number >= first} == {*ACCOUNTS}

        await self._until(at_work, "an account stands still")

    def coordinator(self) -> int:
        """Return the broker that keeps the nodes' group."""
        admin = AdminClient({"bootstrap.servers": self.cluster.bootstrap})
        described = admin.describe_consumer_groups([self.name], request_timeout=10)[self.name]
        return int(described.result(15).coordinator.id)

    def leaders(self) -> set[int]:
        """Return the brokers that lead partitions of the accounts' mailbox."""
        admin = AdminClient({"bootstrap.servers": self.cluster.bootstrap})
        topic = mailbox_topic(self.name, Account)
        partitions = admin.list_topics(topic, timeout=10).topics[topic].partitions
        return {int(each.leader) for each in partitions.values()}

    # -- the end --------------------------------------------------------------------------

    async def quiet(self) -> None:
        """Send nothing more until `go_on`; return when all mail is handled and nothing moves.

        The marks that end transactions stand in the log, too, and no node commits past the
        last of them: in exactly-once mode what shows is that nothing has moved for a while.
        """
        self._sending.clear()
        self.strike(_QUIET)
        before, since = (-1, -1), time.monotonic()
        async with asyncio.timeout(_DEADLINE):
            while True:
                seen = await self._lag_and_written()
                if seen != before or self._open_sends:
                    before, since = seen, time.monotonic()
                elif before[0] == 0 or (self._exactly_once and time.monotonic() - since > SESSION):
                    return
                await asyncio.sleep(0.25)  # the group's progress can only be asked for

    def go_on(self) -> None:
        """Have the client send again."""
        self._sending.set()

    async def settled(self) -> None:
        """End the sending for good; return when all mail is handled."""
        await self.quiet()

    async def check(self) -> None:
        """Compare the states with the books.

        Raises:
            AssertionError: Something was lost, applied twice, made up, parked or out of order.
        """
        async with Inspector(self._url(self.cluster.bootstrap), self.name) as inspector:
            accounts = await inspector.states(Account)
            ledger = (await inspector.states(Ledger))[LEDGER]
            for kind in KINDS:
                assert not await inspector.quarantined(kind)
        states = {id_: AccountState.FromString(each.value) for id_, each in accounts.items()}
        self.books.check(states, BytesValue.FromString(ledger.value).value)

    def skipped(self) -> int:
        """Return how many redelivered messages all nodes have recognized."""
        members = self._inspector.members().values()
        return sum(member.counters.get("redeliveries_skipped", 0) for member in members)

    def standstills(self) -> list[tuple[str, float]]:
        """Return the longest time that any account made no transfer, strike by strike."""
        times: dict[str, list[float]] = {account: [] for account in ACCOUNTS}
        for at, _, source in sorted(self._seen()):
            times[source].append(at)
        found: list[tuple[str, float]] = []
        idle = False
        for strike, (_, end) in pairwise(self._strikes):
            if strike.what != _QUIET:
                longest = 0.0
                for each in times.values():
                    last = max((at for at in each if at <= strike.at), default=strike.at)
                    inside = [at for at in each if strike.at < at < end]
                    points = [strike.at if idle else last, *inside, end]
                    longest = max(longest, *(after - at for at, after in pairwise(points)))
                found.append((strike.what, longest))
            idle = strike.what == _QUIET
        return found

    def report(self) -> str:
        """Return the figures of the run in a line."""
        gaps = ", ".join(f"{what} {gap:.1f} s" for what, gap in self.standstills())
        return (
            f"{len(self.books.asked):,} transfers, {self._unknown} with unknown outcome; "
            f"without processing: {gaps}; redeliveries skipped: {self.skipped()}"
        )

    # -- inside ---------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            self.start("one", by_proxy=True)
            self.start("two")
            await self._open.enter_async_context(self._client)
            await self._open.enter_async_context(self._inspector)
            await self.until_shared("one", "two")
            self._sender = asyncio.create_task(self._send_steadily(), name="fault-sender")
            await self.until_at_work()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            error.add_note(self._logs())
        await self._end()

    async def _end(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        for process in self._nodes.values():
            process.kill()
            process.wait(10)
            assert process.stdin is not None, "it was given a pipe"
            process.stdin.close()
        await self._open.aclose()

    def _url(self, bootstrap: str) -> str:
        return f"kafka://{bootstrap}?session_timeout={SESSION:g}"

    async def _send_steadily(self) -> None:
        choices = random.Random(self.name)
        # A task for each, started in the order of their numbers: that is the client's order.
        async with asyncio.TaskGroup() as tasks:
            while await self._sending.wait():
                for _ in range(min(_BATCH, _OPEN_SENDS - self._open_sends)):
                    number = len(self.books.asked)
                    source = ACCOUNTS[number % len(ACCOUNTS)]
                    target = choices.choice([each for each in ACCOUNTS if each != source])
                    self.books.asked.append((source, target))
                    self._open_sends += 1
                    tasks.create_task(self._send(number, choices.randint(1, 99)))
                await asyncio.sleep(_PAUSE)

    async def _send(self, number: int, cents: int) -> None:
        source, target = self.books.asked[number]
        message = Transfer(id=str(number), to=target, cents=cents)
        try:
            await self._client.entity(Account, source).send(message)
        except TransportError:
            self._unknown += 1  # it may have been written all the same; nobody tries again
        else:
            self.books.acknowledged.add(number)
        finally:
            self._open_sends -= 1

    async def _lag_and_written(self) -> tuple[int, int]:
        """Return both over all kinds; -1 if the cluster does not answer just now."""
        try:
            lag = sum([await self._inspector.lag(kind) for kind in KINDS])
            return lag, sum([await self._inspector.written(kind) for kind in KINDS])
        except TransportError:
            return -1, -1

    async def _until(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + _DEADLINE
        while not condition():
            assert time.monotonic() < deadline, otherwise
            await asyncio.sleep(0.1)

    def _seen(self) -> list[tuple[float, int, str]]:
        """Return time, number and source of every credit that arrived, on whatever node."""
        seen: list[tuple[float, int, str]] = []
        for diary in self._folder.glob("*.diary"):
            # A process that was killed may have left half a line.
            for line in diary.read_text().split("\n")[:-1]:
                at, number = line.split()
                seen.append((float(at), int(number), self.books.asked[int(number)][0]))
        return seen

    def _logs(self) -> str:
        said = [f"{log.name}:\n{log.read_text()[-4_000:]}" for log in self._folder.glob("*.log")]
        return "\n".join([*said, f"strikes: {self._strikes}"])
