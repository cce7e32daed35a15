"""What a run borrows from the process, and gives back: clocks, randomness, the collector."""

import gc
import logging
import os
import random
import socket
import sys
import time
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

import structlog

from ._hosts import current_host
from ._trace import Trace

_NANO = 1_000_000_000
_MOST_COLLECTIONS = 10


@contextmanager
def borrowed(
    seed: int, clock: Callable[[], float], wall_clock: Callable[[], float]
) -> Generator[None]:
    """Let the process's clocks show virtual time, and its randomness follow the seed.

    Clients ask the `time` module and not the loop: without this, an hour of virtual time in a
    second of real time would be a second to them. What makes names nobody else has asks the system
    for randomness, for the host's name or the process's number: these are the simulated host's.
    Restored afterwards, whatever happens.

    Args:
        seed: Of the module `random`, and of the system's randomness.
        clock: Virtual seconds.
        wall_clock: The same, since the epoch.
    """

    def wall() -> float:
        host = current_host.get()
        return wall_clock() + (host.skew if host is not None else 0.0)

    def hostname() -> str:
        host = current_host.get()
        return host.name if host is not None else "scenario"

    def number() -> int:
        host = current_host.get()
        return host.life if host is not None else 0

    entropy = random.Random(f"system {seed}")
    virtual: dict[tuple[Any, str], Callable[..., Any]] = {
        (time, "time"): wall,
        (time, "time_ns"): lambda: int(wall() * _NANO),
        (time, "monotonic"): clock,
        (time, "monotonic_ns"): lambda: int(clock() * _NANO),
        (time, "perf_counter"): clock,
        (time, "perf_counter_ns"): lambda: int(clock() * _NANO),
        (os, "urandom"): entropy.randbytes,  # hence uuid.uuid4
        (random, "_urandom"): entropy.randbytes,  # hence secrets and SystemRandom
        (os, "getpid"): number,
        (socket, "gethostname"): hostname,
    }
    real = {(module, name): getattr(module, name) for module, name in virtual}
    randomness = random.getstate()
    collecting = gc.isenabled()
    gc.disable()  # what it finds, and when, depends on everything the process did before
    random.seed(f"process {seed}")
    for (module, name), function in virtual.items():
        setattr(module, name, function)
    try:
        with warnings.catch_warnings():
            # What is left open at the end is killed, and nobody has to close it.
            warnings.simplefilter("ignore", ResourceWarning)
            yield
    finally:
        for (module, name), function in real.items():
            setattr(module, name, function)
        random.setstate(randomness)
        if collecting:
            gc.enable()


@contextmanager
def recorded(trace: Trace) -> Generator[None]:
    """Have what is logged end up in the trace, and nowhere else."""

    def note(_: Any, level: str, event: Any) -> Any:
        host = current_host.get()
        text = " ".join(f"{key}={value}" for key, value in event.items() if key != "event")
        name = host.name if host is not None else "scenario"
        trace.log(name, level, f"{event.get('event')} {text}".strip())
        raise structlog.DropEvent

    handler = _IntoTrace(trace)
    client = logging.getLogger("aiokafka")
    propagate, client.propagate = client.propagate, False
    client.addHandler(handler)
    try:
        with _lines_go_to(note):
            yield
    finally:
        client.removeHandler(handler)
        client.propagate = propagate


@contextmanager
def _lines_go_to(note: Callable[[Any, str, Any], Any]) -> Generator[None]:
    """Have each line of callboard's own given to a function, which drops it."""
    configured, before = structlog.is_configured(), structlog.get_config()
    structlog.configure(
        processors=[note],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
        if configured:
            structlog.configure(**before)


class _IntoTrace(logging.Handler):
    """Puts what a client logs into the trace."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(logging.WARNING)
        self._trace = trace

    def emit(self, record: logging.LogRecord) -> None:
        """See logging."""
        host = current_host.get()
        name = host.name if host is not None else "scenario"
        self._trace.log(name, record.levelname.lower(), record.getMessage())


def bury(dead: list[Any]) -> None:
    """Dispose of what dead hosts left, without a word and without effect.

    Their coroutines are closed by that, and their `finally` blocks run: on a loop that is closed.
    """

    def silent(_: Any) -> None:
        pass

    def drop(*_: Any) -> Any:
        raise structlog.DropEvent

    hook, sys.unraisablehook = sys.unraisablehook, silent
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), _lines_go_to(drop):
            warnings.simplefilter("ignore")
            while dead:
                _close(dead.pop())
            # What is found cleans up, and leaves more to be found.
            for _ in range(_MOST_COLLECTIONS):
                if not gc.collect():
                    break
    finally:
        sys.unraisablehook = hook
        logging.disable(disabled)


def _close(task: Any) -> None:
    """End a dead task's coroutine; in a function, for nothing may refer to the task afterwards."""
    task._log_destroy_pending = False  # noqa: SLF001 - it was killed on purpose
    with suppress(BaseException):
        task.get_coro().close()
