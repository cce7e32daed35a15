"""Ending with the process that started us."""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable

_GRACE = 5.0


def stop_with_parent(stop: Callable[[], object]) -> None:
    """Call `stop` in the running loop when standard input closes; exit hard 5 s later.

    A parent that gives a child a pipe for its standard input closes it by
    ending, in whatever way. Works wherever pipes do, unlike death signals.

    Args:
        stop: Begins an orderly stop.
    """
    loop = asyncio.get_running_loop()

    def watch() -> None:
        # The descriptor, not sys.stdin: a thread inside its lock would block the exit.
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop may have closed by itself
            loop.call_soon_threadsafe(stop)
        time.sleep(_GRACE)
        # Whatever an orderly stop wants to say goodbye to has probably died too.
        os._exit(1)

    threading.Thread(target=watch, name="callboard-parent", daemon=True).start()
