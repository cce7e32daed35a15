"""What the simulator does to machines and their connections, and what it never lets happen."""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from callboard import ActorSystem
from callboard.testing.simulation import (
    HostFailed,
    InvariantViolated,
    Machine,
    NetworkOptions,
    Simulation,
    broker,
    node,
    simulate,
)


def ran(scenario: Any, seed: int = 1, **options: Any) -> Any:
    """Run a scenario that must go well; return its outcome."""
    outcome = simulate(scenario, seed=seed, **options)
    if outcome.error is not None:
        raise outcome.error
    return outcome


async def echo(machine: Machine[bool]) -> None:
    """Answer every line with the same line."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(serve, machine.name, 7)
    machine.ready(True)  # noqa: FBT003 - there is nothing to hand out
    await asyncio.Event().wait()
    server.close()


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> bytes:
    """Send a line and return the answer."""
    writer.write(text + b"\n")
    return (await reader.readline()).strip()


def test_bytes_arrive_in_order_whatever_the_pieces() -> None:
    """Every write is torn into pieces that take their time; a stream is still a stream."""

    async def scenario(sim: Simulation) -> None:
        await sim.machine("echo", echo).until_ready(5)
        reader, writer = await asyncio.open_connection("echo", 7)
        lines = [b"%d" % number * 40 for number in range(50)]
        for line in lines:
            writer.write(line + b"\n")
        assert [(await reader.readline()).strip() for _ in lines] == lines

    ran(scenario, network=NetworkOptions(latency=(0.0, 0.05), spike=0.2, fragment=1.0))


def test_a_killed_process_does_nothing_more() -> None:
    """No timer, no callback, no `finally`; its peers are told that the connection is gone."""
    after: list[str] = []

    async def doomed(machine: Machine[bool]) -> None:
        try:
            await echo(machine)
        finally:
            after.append("finally")

    async def scenario(sim: Simulation) -> None:
        machine = sim.machine("echo", doomed)
        await machine.until_ready(5)
        machine.host.run(asyncio.get_running_loop().call_later, 1.0, after.append, "timer")
        reader, writer = await asyncio.open_connection("echo", 7)
        assert await said(reader, writer, b"there?") == b"there?"
        sim.crash(machine)
        with pytest.raises(ConnectionResetError):
            await said(reader, writer, b"still there?")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("echo", 7)
        await sim.sleep(10)
        assert after == []
        sim.restart(machine)
        await machine.until_ready(5)
        reader, writer = await asyncio.open_connection("echo", 7)
        assert await said(reader, writer, b"again?") == b"again?"

    ran(scenario)


def test_what_a_dead_process_cleans_up_is_not_heard_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its coroutines are closed after the run; what they log on the way out goes nowhere."""

    async def waits(machine: Machine[bool]) -> None:
        machine.ready(True)  # noqa: FBT003 - there is nothing to hand out
        try:
            await asyncio.Event().wait()
        finally:
            structlog.get_logger().error("closing failed")
            logging.getLogger("aiokafka").error("closing failed")

    async def scenario(sim: Simulation) -> None:
        machine = sim.machine("one", waits)
        await machine.until_ready(5)
        sim.crash(machine)

    ran(scenario)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_a_machine_that_falls_silent_is_not_noticed() -> None:
    """Without a word from its system, a peer waits until its own patience ends."""

    async def scenario(sim: Simulation) -> None:
        machine = sim.machine("echo", echo)
        await machine.until_ready(5)
        reader, writer = await asyncio.open_connection("echo", 7)
        sim.crash(machine, silently=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await said(reader, writer, b"there?")

    ran(scenario)


def test_a_paused_process_answers_later() -> None:
    """What was sent to it meanwhile waits, and its timers are overdue."""

    async def scenario(sim: Simulation) -> None:
        machine = sim.machine("echo", echo)
        await machine.until_ready(5)
        reader, writer = await asyncio.open_connection("echo", 7)
        sim.pause(machine)
        began = sim.now
        asyncio.get_running_loop().call_later(20, sim.resume, machine)
        assert await said(reader, writer, b"there?") == b"there?"
        assert 20 <= sim.now - began < 21

    ran(scenario)


@pytest.mark.parametrize("one_way", [False, True])
def test_a_cut_holds_bytes_up_and_loses_none(one_way: bool) -> None:
    """Connections outlive it, as TCP's do; one way, the request arrives and its answer does not."""

    async def scenario(sim: Simulation) -> None:
        server = sim.machine("echo", echo)
        await server.until_ready(5)
        got: list[bytes] = []

        async def client(machine: Machine[bool]) -> None:
            reader, writer = await asyncio.open_connection("echo", 7)
            machine.ready(True)  # noqa: FBT003 - there is nothing to hand out
            got.append(await said(reader, writer, b"there?"))

        other = sim.machine("client", client)
        await other.until_ready(5)
        sim.partition([server], [other], one_way=one_way)
        await sim.sleep(30)
        assert got == []
        sim.heal()
        await sim.sleep(1)
        assert got == [b"there?"]

    ran(scenario)


def test_a_reset_is_an_error_at_both_ends() -> None:
    """Nobody may take it for an orderly end."""

    async def scenario(sim: Simulation) -> None:
        server = sim.machine("echo", echo)
        await server.until_ready(5)
        errors: list[str] = []

        async def client(machine: Machine[bool]) -> None:
            reader, _ = await asyncio.open_connection("echo", 7)
            machine.ready(True)  # noqa: FBT003 - there is nothing to hand out
            try:
                await reader.readline()
            except ConnectionResetError as error:
                errors.append(str(error))

        other = sim.machine("client", client)
        await other.until_ready(5)
        sim.reset(server, other)
        await sim.sleep(1)
        assert errors == ["connection reset by peer"]

    ran(scenario)


def test_clocks_show_virtual_time_and_then_real_time_again() -> None:
    """Also to code that asks the `time` module."""
    before = time.time()

    async def scenario(sim: Simulation) -> None:
        began = time.time(), time.monotonic()
        await sim.sleep(3600)
        assert time.time() - began[0] == pytest.approx(3600)
        assert time.monotonic() - began[1] == pytest.approx(3600)

    ran(scenario, limit=10_000)
    assert 0 <= time.time() - before < 60


def test_an_invariant_is_checked_at_every_step() -> None:
    """The run ends where it does not hold, and says when."""

    async def scenario(sim: Simulation) -> None:
        money = [100]

        def conserved() -> None:
            assert sum(money) == 100, f"{sum(money)} in all"

        sim.invariant(conserved)
        await sim.sleep(5)
        money.append(1)
        await sim.sleep(5)

    outcome = simulate(scenario)
    assert isinstance(outcome.error, InvariantViolated)
    assert str(outcome.error).startswith("at 5.000000 s: 101 in all")


def test_a_machine_that_fails_fails_the_run() -> None:
    """Its error and the moment are told; the trace has it too."""

    async def broken(_: Machine[None]) -> None:
        await asyncio.sleep(2)
        raise ValueError("no such luck")

    async def scenario(sim: Simulation) -> None:
        sim.machine("node", broken)
        await sim.sleep(60)

    outcome = simulate(scenario)
    assert isinstance(outcome.error, HostFailed)
    assert "node failed at 2.000 s: ValueError: no such luck" in str(outcome.error)
    assert "ValueError: no such luck" in outcome.trace.render()


def test_a_broker_with_a_folder_has_everything_again(tmp_path: Path) -> None:
    """It is killed in the middle of writing; what was acknowledged is read afterwards, once."""

    async def scenario(sim: Simulation) -> None:
        machine = broker(sim, data=tmp_path / "data")
        await machine.until_ready(5)
        async with AIOKafkaProducer(
            bootstrap_servers="broker:9092", enable_idempotence=True
        ) as producer:
            sent = asyncio.ensure_future(_send(producer, 40))
            await sim.sleep(0.1)
            sim.crash(machine)
            await sim.sleep(3)
            sim.restart(machine)
            await sent
        consumer = AIOKafkaConsumer(
            "t", bootstrap_servers="broker:9092", auto_offset_reset="earliest"
        )
        async with consumer:
            got: list[bytes | None] = []
            while len(got) < 40:
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    got += [record.value for record in records]
        assert got == [b"%d" % number for number in range(40)]

    ran(scenario)


async def _send(producer: AIOKafkaProducer, count: int) -> None:
    for number in range(count):
        await producer.send_and_wait("t", b"%d" % number, partition=0)


def test_a_node_declares_in_each_of_its_lives() -> None:
    """Consumers and publishers are there before it is up, and again after it was killed."""
    lives: list[str] = []
    heard: list[bytes] = []

    def declare(system: ActorSystem) -> None:
        lives.append(system.node)
        system.publisher("words", bytes, partitions=1)

        @system.consumer("words")
        def on_word(message: bytes) -> None:
            heard.append(message)

    async def say(sim: Simulation, one: Machine[ActorSystem], word: bytes) -> None:
        system = await one.until_ready(30)
        await sim.on(one, system.publisher("words", bytes).send(word))
        await sim.until(lambda: word in heard, "it is heard")

    async def scenario(sim: Simulation) -> None:
        await broker(sim).until_ready(5)
        one = node(sim, "one", system="talk", declare=declare)
        await say(sim, one, b"first")
        sim.crash(one)
        sim.restart(one)
        await say(sim, one, b"second")

    ran(scenario)
    assert lives == ["one", "one"]
