"""The processes of one run: broker, workers, dispatcher."""

import asyncio
from pathlib import Path

from ._options import DemoOptions, PlannedKill
from ._processes import Child, ProcessFailed
from .app import SYSTEM_VARIABLE

_BROKER_READY = 15.0
_GRACE = 15.0
_SHORT_GRACE = 5.0
# A killed worker's partitions stand still for as long. Apache Kafka allows no less
# than 6 s unless told so; our own broker does.
_SESSION = 3


class Company:
    """Starts the processes of a run, watches them, and ends them whatever happens.

    Args:
        system: Name of the run's actor system.
        options: What was asked for.
        folder: For the files with the processes' errors.
    """

    def __init__(self, system: str, options: DemoOptions, folder: Path) -> None:
        self._system = system
        self._options = options
        self._folder = folder
        self._broker: Child | None = None
        self._dispatcher: Child | None = None
        self._workers: dict[str, Child] = {}
        self._killed: list[str] = []
        self._stopped = False
        self.transport = options.transport or ""
        """URL of the cluster, once `start_broker` has returned."""

    @property
    def killed(self) -> tuple[str, ...]:
        """Names of the workers that were killed, in that order."""
        return tuple(self._killed)

    @property
    def workers(self) -> tuple[str, ...]:
        """Names of all workers started, in that order."""
        return tuple(self._workers)

    @property
    def dispatched(self) -> bool:
        """The dispatcher has sent everything and left."""
        return self._dispatcher is not None and self._dispatcher.exit_code == 0

    @property
    def stopped(self) -> bool:
        """The workers were stopped."""
        return self._stopped

    # -- starting -------------------------------------------------------------------

    async def start_broker(self) -> None:
        """Start the embedded broker, unless a cluster was given.

        Raises:
            ProcessFailed: It does not come up.
        """
        if self._options.transport is not None:
            return
        # A free port of its own choice: one reserved here could be taken meanwhile.
        arguments = ["callboard", "broker", "--port", "0", "--no-auto-create"]
        self._broker = self._child("broker", [*arguments, "--stop-on-stdin-close"])
        await self._broker.start()
        line = await self._broker.read_line(_BROKER_READY)
        _, _, rest = line.partition("ready on ")
        address = rest.split(maxsplit=1)[0] if rest else ""
        if not address:
            raise ProcessFailed(f"the broker said {line!r}, and not where it is ready")
        self.transport = f"kafka://{address}?session_timeout={_SESSION}"

    async def start_worker(self) -> str:
        """Start one more worker; return its name."""
        name = f"worker-{len(self._workers) + 1}"
        arguments = ["callboard", "run", "callboard.demo.app:worker", "--node", name]
        child = self._child(
            name, [*arguments, "--transport", self.transport, "--stop-on-stdin-close"]
        )
        self._workers[name] = child
        await child.start()
        return name

    async def start_dispatcher(self, plan: list[PlannedKill]) -> None:
        """Start the dispatcher; it waits at every kill of the plan until released."""
        arguments = ["callboard.demo", "--system", self._system, "--transport", self.transport]
        arguments += ["--flights", str(self._options.flights)]
        for kill in plan:
            arguments += ["--hold", str(kill.hold)]
        self._dispatcher = self._child("dispatcher", arguments)
        await self._dispatcher.start()

    # -- while it runs ----------------------------------------------------------------

    def running(self) -> list[str]:
        """Return the names of the workers that run."""
        return [name for name, child in self._workers.items() if child.exit_code is None]

    def pid(self, name: str) -> int:
        """Return a worker's process id."""
        return self._workers[name].pid

    async def kill(self, name: str) -> None:
        """Kill a worker with `kill -9`."""
        self._killed.append(name)
        await self._workers[name].kill()

    def bury(self) -> list[str]:
        """Return the workers that somebody else has killed since the last time."""
        dead = [
            name
            for name, child in self._workers.items()
            if name not in self._killed and (child.exit_code or 0) < 0
        ]
        self._killed.extend(dead)
        return dead

    def release(self) -> None:
        """Let the dispatcher go on."""
        if self._dispatcher is not None:
            self._dispatcher.write_line("go on")

    def check(self) -> None:
        """Raise if a process ended that should not have. Workers may be killed: see `bury`.

        Raises:
            ProcessFailed: With the last of what it logged.
        """
        children = [child for child in self._workers.values() if (child.exit_code or 0) >= 0]
        if self._broker is not None:
            children.append(self._broker)
        if self._dispatcher is not None and not self.dispatched:
            children.append(self._dispatcher)
        for child in children:
            if child.exit_code is not None:
                raise child.failure()

    def last_words(self) -> str:
        """Return the end of what each process logged."""
        children = [self._broker, self._dispatcher, *self._workers.values()]
        return "".join(f"\n{child.name}{child.last_words()}" for child in children if child)

    # -- ending -----------------------------------------------------------------------

    async def stop_workers(self) -> list[str]:
        """Stop the workers in good order; return the names of those that did not."""
        self._stopped = True
        running = self.running()
        await asyncio.gather(*(self._workers[name].stop(_GRACE) for name in running))
        return [name for name in running if self._workers[name].exit_code != 0]

    async def stop_nodes(self) -> None:
        """End dispatcher and workers, whatever they are doing."""
        children = [*self._workers.values(), *([self._dispatcher] if self._dispatcher else [])]
        await asyncio.gather(*(child.stop(_SHORT_GRACE) for child in children))

    async def stop_broker(self) -> None:
        """End the broker; the last to go, because the others say goodbye to it."""
        if self._broker is not None:
            await self._broker.stop(_SHORT_GRACE)

    def _child(self, name: str, arguments: list[str]) -> Child:
        environment = {SYSTEM_VARIABLE: self._system}
        return Child(name, arguments, folder=self._folder, environment=environment)
