"""Notices that a handler keeps the event loop from turning, and names it."""

import asyncio
import sys
import threading
import traceback
from dataclasses import dataclass
from os import sep
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._system import ActorSystem

# How many looks fit into the time that is tolerated.
_LOOKS = 4


@dataclass(frozen=True, slots=True)
class LoopBlocked:
    """The event loop stood still for too long; published on the event stream, once for each time.

    Attributes:
        path: the actor or entity that had its turn; "" if it was none of them.
        handler: name of its method that ran, "" if unknown.
        where: file and line it was in when it was noticed.
        stack: the innermost 12 frames, as text.
        seconds: how long the loop had stood still by then; it may have lasted longer.
    """

    path: str
    handler: str
    where: str
    stack: str
    seconds: float


class Watchdog:
    """Looks at the loop from a thread, since whoever blocks the loop blocks all that runs in it.

    Args:
        system: whose loop it is.
        tolerance: seconds that the loop may stand still.
    """

    def __init__(self, system: "ActorSystem", tolerance: float) -> None:
        if not tolerance > 0.0:
            raise ValueError(f"watchdog is {tolerance!r}; give seconds above 0, or None for none")
        self._system = system
        self._tolerance = tolerance
        self._beat = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._stop = threading.Event()
        self._loop_thread = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to look at the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._heartbeat()
        threading.Thread(target=self._watch, name="callboard-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._timer is not None:
            self._timer.cancel()

    def _heartbeat(self) -> None:
        self._beat = monotonic()
        if self._loop is not None:
            self._timer = self._loop.call_later(self._tolerance / _LOOKS, self._heartbeat)

    def _watch(self) -> None:
        reported = 0.0
        while not self._stop.wait(self._tolerance / _LOOKS):
            beat = self._beat
            still = monotonic() - beat
            if still <= self._tolerance or beat == reported or self._loop is None:
                continue
            frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - documented for this  # pyright: ignore[reportPrivateUsage]
            if frame is None:
                continue
            reported = beat
            event = self._look(frame, still)
            try:
                self._loop.call_soon_threadsafe(self._report, event)
            except RuntimeError:  # the loop was closed
                return

    def _look(self, frame: FrameType, still: float) -> LoopBlocked:
        frames = traceback.extract_stack(frame)
        own = [index for index, one in enumerate(frames) if one.filename.endswith(_OWN)]
        path, handler, at = _whose_turn(frame), "", frames[-1]
        if path and own[-1] + 1 < len(frames):
            at = frames[own[-1] + 1]  # what the core called last is the handler
            handler = at.name
        return LoopBlocked(
            path=path,
            handler=handler,
            where=f"{at.filename}:{at.lineno}",
            stack="".join(traceback.format_list(frames[-12:])),
            seconds=still,
        )

    def _report(self, event: LoopBlocked) -> None:
        system = self._system
        system.counters.blocked += 1
        system.log.warning(
            "the event loop was blocked",
            actor=event.path,
            handler=event.handler,
            where=event.where,
            seconds=round(event.seconds, 3),
        )
        system.events.publish(event)


# Files of the core that call handlers, or pass them on.
_OWN = tuple(
    f"callboard{sep}{folder}{sep}{name}.py"
    for folder, name in (
        ("actors", "_turns"),
        ("actors", "_cell"),
        ("actors", "_stepping"),
        ("actors", "_dispatcher"),
        (f"transport{sep}delivery", "_lane"),
    )
)


_DISPATCHER = f"callboard{sep}actors{sep}_dispatcher.py"


def _whose_turn(frame: FrameType) -> str:
    """Return the path of the runnable that the dispatcher's innermost frame has in hand."""
    at: FrameType | None = frame
    while at is not None:
        if at.f_code.co_filename.endswith(_DISPATCHER):
            runnable = at.f_locals.get("runnable")
            if runnable is not None:
                return str(runnable.self_ref.path)
        at = at.f_back
    return ""
