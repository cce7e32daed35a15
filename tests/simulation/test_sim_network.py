"""What the simulated network owes those who know a real one: silence, resets, room, loopback."""

import asyncio
import errno
import os
import random
import secrets
import socket
import uuid
from typing import Any

import pytest

from callboard.testing.simulation import Machine, NetworkOptions, Simulation, simulate


def ran(scenario: Any, seed: int = 1, **options: Any) -> Any:
    """Run a scenario that must go well; return its outcome."""
    outcome = simulate(scenario, seed=seed, **options)
    if outcome.error is not None:
        raise outcome.error
    return outcome


async def deaf(machine: Machine[list[asyncio.StreamWriter]]) -> None:
    """Accept connections, and never read from them."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await asyncio.Event().wait()

    async with await asyncio.start_server(serve, machine.name, 7, limit=1_000) as server:
        machine.ready(writers)
        await server.serve_forever()


def test_who_does_not_read_stops_who_writes() -> None:
    """There is a bound to what is on its way: `drain` waits, and goes on when it is read."""

    async def scenario(sim: Simulation) -> None:
        readers: list[asyncio.StreamReader] = []

        async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            readers.append(reader)
            await asyncio.Event().wait()

        async def slow(machine: Machine[bool]) -> None:
            await asyncio.start_server(serve, machine.name, 7, limit=1_000)
            machine.ready(True)  # noqa: FBT003 - there is nothing to hand out
            await asyncio.Event().wait()

        machine = sim.machine("slow", slow)
        await machine.until_ready(5)
        _, writer = await asyncio.open_connection("slow", 7)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                for _ in range(100):
                    writer.write(b"x" * 10_000)
                    await writer.drain()
        waiting = writer.transport.get_write_buffer_size()
        assert 0 < waiting <= 300_000

        async def read() -> None:
            await readers[0].readexactly(waiting)

        drained = asyncio.ensure_future(writer.drain())
        await sim.on(machine, read())
        await asyncio.wait_for(drained, 5)
        assert writer.transport.get_write_buffer_size() < waiting

    ran(scenario, network=NetworkOptions(fragment=0.0))


def test_who_writes_sets_the_bound_itself() -> None:
    """As of any transport: a small one makes it wait sooner, one that makes no sense is refused."""

    async def scenario(sim: Simulation) -> None:
        await sim.machine("deaf", deaf).until_ready(5)
        _, writer = await asyncio.open_connection("deaf", 7)
        writer.transport.set_write_buffer_limits(high=1_000)
        assert writer.transport.get_write_buffer_limits() == (250, 1_000)
        with pytest.raises(ValueError, match="low"):
            writer.transport.set_write_buffer_limits(high=1, low=2)
        for _ in range(2):  # its system takes in the first before it notices that nobody reads
            writer.write(b"x" * 20_000)
            await sim.sleep(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.drain(), 60)

    ran(scenario)


def test_writing_to_who_has_closed_is_an_error() -> None:
    """The other end's system answers with a reset: nobody will ever read it."""

    async def scenario(sim: Simulation) -> None:
        machine = sim.machine("deaf", deaf)
        await machine.until_ready(5)
        _, writer = await asyncio.open_connection("deaf", 7)
        await sim.sleep(1)
        machine.host.run(machine.value[0].close)
        await sim.sleep(1)
        writer.write(b"anybody there?")
        await sim.sleep(1)
        with pytest.raises(ConnectionResetError):
            await writer.drain()

    ran(scenario)


def test_a_silent_machine_does_not_even_refuse() -> None:
    """Connecting waits: for the machine, or for the system's own patience to end."""

    async def scenario(sim: Simulation) -> None:
        machine = sim.machine("deaf", deaf)
        await machine.until_ready(5)
        sim.crash(machine, silently=True)
        connecting = asyncio.ensure_future(asyncio.open_connection("deaf", 7))
        await sim.sleep(20)
        assert not connecting.done()
        sim.restart(machine)
        await asyncio.wait_for(connecting, 5)

        sim.crash(machine, silently=True)
        began = sim.now
        with pytest.raises(TimeoutError) as raised:
            await asyncio.open_connection("deaf", 7)
        assert raised.value.errno == errno.ETIMEDOUT
        assert 120 < sim.now - began < 140

    ran(scenario)


def test_a_machine_that_is_back_knows_nothing_of_old_connections() -> None:
    """It fell silent, so its peers still hold them; what they send now, or sent, is reset."""

    async def scenario(sim: Simulation) -> None:
        machine = sim.machine("deaf", deaf)
        await machine.until_ready(5)
        _, idle = await asyncio.open_connection("deaf", 7)
        _, busy = await asyncio.open_connection("deaf", 7)
        sim.crash(machine, silently=True)
        busy.write(b"there?")
        await sim.sleep(60)
        assert not busy.is_closing()
        sim.restart(machine)
        await sim.sleep(5)
        with pytest.raises(ConnectionResetError):
            await busy.drain()
        assert not idle.is_closing()
        idle.write(b"there?")
        await sim.sleep(5)
        with pytest.raises(ConnectionResetError):
            await idle.drain()

    ran(scenario)


def test_localhost_is_the_machine_itself() -> None:
    """Two machines listen on 127.0.0.1 and one port, and each reaches its own."""

    async def scenario(sim: Simulation) -> None:
        said: dict[str, bytes] = {}

        async def main(machine: Machine[bool]) -> None:
            async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(machine.name.encode())
                writer.close()

            await asyncio.start_server(serve, "127.0.0.1", 7)
            machine.ready(True)  # noqa: FBT003 - there is nothing to hand out
            await sim.sleep(1)
            reader, _ = await asyncio.open_connection("localhost", 7)
            said[machine.name] = await reader.read()
            await asyncio.Event().wait()

        for name in ("one", "two"):
            await sim.machine(name, main).until_ready(5)
        await sim.until(lambda: len(said) == 2, "both were answered")
        assert said == {"one": b"one", "two": b"two"}

    ran(scenario)


def test_randomness_and_names_of_the_system_are_the_run_s() -> None:
    """Whatever code asks the system for: the same in each run of a seed, and then real again."""

    def drawn() -> list[object]:
        return [
            os.urandom(8),
            uuid.uuid4(),
            secrets.token_hex(8),
            random.SystemRandom().random(),
            random.random(),
        ]

    seen: list[list[object]] = []

    async def scenario(sim: Simulation) -> None:
        async def main(machine: Machine[bool]) -> None:
            seen.append([*drawn(), socket.gethostname(), os.getpid()])
            machine.ready(True)  # noqa: FBT003 - there is nothing to hand out

        await sim.machine("one", main).until_ready(5)

    me, here = os.getpid(), socket.gethostname()
    for seed in (1, 1, 2):
        ran(scenario, seed)
    assert seen[0] == seen[1]
    assert seen[0][-2] == "one"
    assert not set(map(str, seen[0][:5])) & set(map(str, seen[2][:5]))
    assert (os.getpid(), socket.gethostname()) == (me, here)
    assert not set(map(str, drawn()[:4])) & set(map(str, seen[0]))
