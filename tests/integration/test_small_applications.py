"""The same small applications in one process on memory, in one on a log, and in three processes."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import BoolValue, Int64Value, StringValue
from support import small_apps
from support.consuming import fresh
from support.small_apps import APPS, ROLES, WORK, App, Counting, Working, host_all, within

from callboard import Actor, ActorSystem, NodeDown, NodeLeaving, NodeUp, Terminated, handler

SESSION = 3.0
"""Seconds of silence after which a node is down, in these tests."""


def solo(system: ActorSystem) -> small_apps.At:
    """Return how roles are addressed where one node plays all."""
    return lambda role, name: f"callboard://{system.name}/solo/user/{name}"


def apart(system: ActorSystem) -> small_apps.At:
    """Return how roles are addressed where each is a node."""
    return lambda role, name: f"callboard://{system.name}/{role}/user/{name}"


@asynccontextmanager
async def alone(url: str) -> AsyncGenerator[ActorSystem]:
    """Give one node that plays all roles."""
    async with ActorSystem(fresh("apps"), transport=url, node="solo") as system:
        yield system


async def play_alone(system: ActorSystem, app: App) -> None:
    """Play an application with all its roles in one node."""
    for role in ROLES:
        app.host(system, role)
    await app.play(system, solo(system))


@pytest.mark.parametrize("name", APPS)
async def test_in_one_process_on_memory(name: str) -> None:
    """Nothing outside the process."""
    async with alone("memory://") as system:
        await play_alone(system, APPS[name]())


@pytest.mark.parametrize("name", APPS)
async def test_in_one_process_on_a_log(broker_url: str, name: str) -> None:
    """One node of a system that could have more."""
    async with alone(f"kafka://{broker_url}") as system:
        await play_alone(system, APPS[name]())


async def start(name: str, url: str, role: str) -> Process:
    """Start a process that plays a role, and wait until it is there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        small_apps.__file__,
        name,
        url,
        role,
        env={**os.environ, "PYTHONPATH": str(Path(small_apps.__file__).parents[1])},
        stdout=PIPE,
        stderr=DEVNULL,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30.0):
        while (line := await process.stdout.readline()) != b"ready\n":
            assert line, f"{role} ended with {await process.wait()}"
    return process


@asynccontextmanager
async def three(
    broker_url: str, apps: Mapping[str, App]
) -> AsyncGenerator[tuple[ActorSystem, dict[str, Process]]]:
    """Give the front, in this process, and the processes of the others."""
    name, url = fresh("apps"), f"kafka://{broker_url}?session_timeout={SESSION}"
    others: dict[str, Process] = {}
    try:
        async with ActorSystem(name, transport=url, node="front") as system:
            host_all(system, "front", dict(apps))
            started = await asyncio.gather(*(start(name, url, role) for role in ROLES[1:]))
            others.update(zip(ROLES[1:], started, strict=True))
            yield system, others
    finally:
        for process in others.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def all_apps() -> dict[str, App]:
    """Return one of each application."""
    return {name: make() for name, make in APPS.items()}


@pytest.mark.slow
async def test_over_three_processes(broker_url: str) -> None:
    """Each role is a process; all applications one after the other, in the same three."""
    apps = all_apps()
    async with three(broker_url, apps) as (system, _):
        for app in apps.values():
            await app.play(system, apart(system))


class Witness(Actor):
    """Watches, and keeps what it is told."""

    def __init__(self, addresses: list[str], lost: list[Terminated]) -> None:
        self.addresses, self.lost = addresses, lost

    async def started(self) -> None:
        """Watch."""
        for address in self.addresses:
            self.context.watch(self.context.system.ref(address))

    @handler
    def gone(self, message: Terminated) -> None:
        """Keep it."""
        self.lost.append(message)


class Seen:
    """What a system's event stream told."""

    def __init__(self, system: ActorSystem) -> None:
        self.events: list[NodeUp | NodeLeaving | NodeDown] = []
        self.began = time.monotonic()
        self.at: dict[object, float] = {}
        for kind in (NodeUp, NodeLeaving, NodeDown):
            system.events.subscribe(kind, self._saw)

    def _saw(self, event: Any) -> None:
        self.events.append(event)
        self.at[event] = time.monotonic()

    def of(self, node: str) -> list[str]:
        """Return what was told of a node, as names."""
        return [type(each).__name__ for each in self.events if each.node == node]


@pytest.mark.slow
async def test_a_node_is_killed_in_the_middle(broker_url: str) -> None:
    """The work is done by those who are left; watchers hear NodeDown; the singleton moves."""
    working, counting = Working(), Counting()
    working.numbers = 1_000
    async with three(broker_url, {"counting": counting}) as (system, others):
        seen = Seen(system)
        await within(30.0, lambda: len(system.receptionist.find(WORK)) == 4)
        clock = system.ref(f"callboard://{system.name}/singletons/clock")
        lost: list[Terminated] = []
        system.spawn(Witness, [ref.address for ref in system.receptionist.find(WORK)], lost)
        work = asyncio.create_task(working.square_all(system))
        await asyncio.sleep(0.3)
        victim = others["back"]
        victim.kill()
        killed = time.monotonic()
        await work
        await within(30.0, lambda: "NodeDown" in seen.of("back"))
        noticed = next(at for event, at in seen.at.items() if isinstance(event, NodeDown)) - killed
        assert SESSION * 0.5 < noticed < SESSION * 3
        assert {ref.address.split("/")[3] for ref in system.receptionist.find(WORK)} == {"side"}
        await within(30.0, lambda: len(lost) == 2)
        for each in lost:
            assert each.node_down is not None
            assert each.node_down.node == "back"
            assert each.reason.startswith("NodeDown: back: nothing was heard of it for 3 s")
        where = await clock.ask(Empty(), timeout=30.0, reply_type=StringValue)
        assert where.value in ("front", "side")
        # A new process of the same name is another run of the node, and works again.
        url = f"kafka://{broker_url}?session_timeout={SESSION}"
        others["back"] = await start(system.name, url, "back")
        await within(30.0, lambda: len(system.receptionist.find(WORK)) == 4)
        await working.square_all(system)


@pytest.mark.slow
async def test_a_node_sleeps_in_the_middle(broker_url: str) -> None:
    """It is down for the others, and up again when it wakes; there is one clock in the end."""
    working = Working()
    working.numbers = 600
    async with three(broker_url, {"counting": Counting()}) as (system, others):
        seen = Seen(system)
        await within(30.0, lambda: len(system.receptionist.find(WORK)) == 4)
        clock = system.ref(f"callboard://{system.name}/singletons/clock")
        where = (await clock.ask(Empty(), timeout=30.0, reply_type=StringValue)).value
        sleeper = where if where in others else "side"
        work = asyncio.create_task(working.square_all(system))
        await asyncio.sleep(0.3)
        others[sleeper].send_signal(signal.SIGSTOP)
        await within(30.0, lambda: "NodeDown" in seen.of(sleeper))
        await work
        assert (await clock.ask(Int64Value(value=1), timeout=30.0)).value >= 1
        others[sleeper].send_signal(signal.SIGCONT)
        await within(30.0, lambda: seen.of(sleeper)[-1] == "NodeUp")
        await within(30.0, lambda: len(system.receptionist.find(WORK)) == 4)
        await working.square_all(system)
        async with asyncio.timeout(30.0):
            while await clocks(system) != 1:
                await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_a_node_leaves_in_good_order(broker_url: str) -> None:
    """It is heard to leave, then to be gone, at once; the clock moves without a time-out."""
    async with three(broker_url, {"counting": Counting()}) as (system, others):
        seen = Seen(system)
        await within(30.0, lambda: len(system.receptionist.find(WORK)) == 4)
        clock = system.ref(f"callboard://{system.name}/singletons/clock")
        where = (await clock.ask(Empty(), timeout=30.0, reply_type=StringValue)).value
        leaver = where if where in others else "side"
        began = time.monotonic()
        others[leaver].send_signal(signal.SIGTERM)
        await within(30.0, lambda: "NodeDown" in seen.of(leaver))
        assert seen.of(leaver)[-2:] == ["NodeLeaving", "NodeDown"]
        (down,) = [each for each in seen.events if isinstance(each, NodeDown)]
        assert down.reason == "it has stopped"
        assert (await clock.ask(Int64Value(value=1), timeout=20.0)).value >= 1
        assert time.monotonic() - began < 10.0


async def clocks(system: ActorSystem) -> int:
    """Return how many nodes run the clock."""
    asked = [
        system.ref(f"callboard://{system.name}/{role}/user/has-{role}").ask(
            Empty(), timeout=5.0, reply_type=BoolValue
        )
        for role in ROLES
    ]
    return sum([answer.value for answer in await asyncio.gather(*asked)])
