"""Says which tasks are left and where they wait, for the errors of virtual time."""

import asyncio
import inspect
import linecache
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any

# Frames in here say how a wait works, not whose it is.
_LIBRARY = str(Path(asyncio.__file__).parent)
# Places and, of those that wait at the same one, names that are told.
_LINES = 20
_NAMES = 4


def describe(tasks: Iterable["asyncio.Task[Any]"]) -> str:
    """Return where the tasks are that are not done, one line for each place."""
    names: dict[str, list[str]] = {}
    for task in tasks:
        if not task.done():
            names.setdefault(_place(task), []).append(task.get_name())
    lines = [f"  {_together(alike)} {place}" for place, alike in names.items()]
    if len(lines) > _LINES:
        lines[_LINES:] = [f"  and others, in {len(lines) - _LINES} more places"]
    return "\n".join(lines) or "  no task at all"


def _together(names: list[str]) -> str:
    left = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {left} more" if left > 0 else "") + ":"


def _place(task: "asyncio.Task[Any]") -> str:
    frames = list(_frames(task.get_coro()))
    if not frames:
        return "has not begun"
    ours = [each for each in frames if not each[0].co_filename.startswith(_LIBRARY)]
    code, line = (ours or frames)[-1]
    text = linecache.getline(code.co_filename, line).strip()
    outer, inner = frames[0][0].co_qualname, code.co_qualname
    where = inner if inner == outer else f"{inner}, awaited by {outer},"
    return f"{where} at {code.co_filename}:{line}" + (f"\n      {text}" if text else "")


def _frames(waiting: Any) -> Iterator[tuple[CodeType, int]]:
    """Yield code and line of a coroutine, of what it awaits, and so on inwards."""
    while waiting is not None:
        frame, following = None, None
        if inspect.iscoroutine(waiting):
            if inspect.getcoroutinestate(waiting) == inspect.CORO_CREATED:
                return
            frame, following = waiting.cr_frame, waiting.cr_await
        elif inspect.isgenerator(waiting):
            frame, following = waiting.gi_frame, waiting.gi_yieldfrom
        elif inspect.isasyncgen(waiting):
            frame, following = waiting.ag_frame, waiting.ag_await
        if frame is not None:
            yield frame.f_code, frame.f_lineno
            if inspect.isgenerator(waiting) and following is None:
                # One that drives a coroutine by hand, as the dispatcher does with handlers.
                following = frame.f_locals.get("coroutine")
        waiting = following
