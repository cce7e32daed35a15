"""Logging as `configure_logging` sets it up, and the package's door."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

import callboard
from callboard import configure_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_lines_are_readable_and_libraries_join_in_from_warning_on() -> None:
    """Own lines come from the level on, other libraries' from WARNING on, in one form."""
    out = io.StringIO()
    configure_logging("info", stream=out)
    structlog.get_logger("callboard").info("curtain", actor="callboard://t/user/a")
    structlog.get_logger("callboard").debug("unseen")
    logging.getLogger("aiokafka.conn").warning("broker %s went away", 7)
    logging.getLogger("aiokafka.conn").info("unseen")
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert "curtain" in lines[0]
    assert "actor=callboard://t/user/a" in lines[0]
    assert "broker 7 went away" in lines[1]
    assert "warning" in lines[1]


def test_json_lines_are_objects() -> None:
    """With json, each line is an object, tracebacks and other libraries' lines included."""
    out = io.StringIO()
    configure_logging("debug", json=True, stream=out)
    try:
        raise ValueError("boom")
    except ValueError as error:
        structlog.get_logger("callboard").error("actor failed", exc_info=error)
    logging.getLogger("aiokafka").error("bad")
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert first["event"] == "actor failed"
    assert "ValueError: boom" in first["exception"]
    assert (second["event"], second["level"], second["logger"]) == ("bad", "error", "aiokafka")


def test_tracebacks_show_no_variables() -> None:
    """Readable tracebacks are plain: variables may hold secrets."""
    out = io.StringIO()
    configure_logging("info", stream=out)
    password = "swordfish"
    try:
        raise ValueError(len(password))
    except ValueError as error:
        structlog.get_logger("callboard").error("actor failed", exc_info=error)
    assert "ValueError: 9" in out.getvalue()
    assert "swordfish" not in out.getvalue().replace('password = "swordfish"', "")


def test_configuring_again_replaces_the_first() -> None:
    """Lines do not come twice."""
    first, second = io.StringIO(), io.StringIO()
    configure_logging("info", stream=first)
    configure_logging("warning", stream=second)
    logging.getLogger("x").warning("once")
    structlog.get_logger("callboard").info("unseen")
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 1


def test_an_unknown_level_is_refused() -> None:
    """The error lists the levels there are."""
    with pytest.raises(ValueError, match="debug, info, warning, error, critical"):
        configure_logging("loud")


def test_the_front_door_has_every_error() -> None:
    """Every subclass of CallboardError in the core is exported by the facade."""
    found, queue = set[str](), [callboard.CallboardError]
    while queue:
        one = queue.pop()
        if one.__module__.startswith("callboard.actors"):
            found.add(one.__name__)
        queue.extend(one.__subclasses__())
    assert found <= set(callboard.__all__)


SCRIPT = """
import sys, time
before = time.perf_counter()
import asyncio, structlog
between = time.perf_counter()
import callboard
print((time.perf_counter() - between) / (between - before))
loaded = [name for name in sys.modules if name.split(".")[0] in ("aiokafka", "google")]
assert not loaded, loaded
"""


def test_importing_is_quick_and_loads_no_driver() -> None:
    """`import callboard` takes less time than asyncio and structlog do, and loads no driver."""
    ratios: list[float] = []
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # else every one compiles
    for _ in range(5):  # the first of a new clone compiles; a busy machine has bad moments
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        ratios.append(float(done.stdout))
    assert min(ratios) < 1.0


class Gone(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        """Fail, as a pipe without a reader does."""
        raise BrokenPipeError

    def flush(self) -> None:
        """Fail, as a closed file does."""
        raise ValueError("I/O operation on closed file")


def test_a_log_nobody_reads_any_more_raises_nothing() -> None:
    """`callboard run ... 2>&1 | head` goes on when head has ended."""
    configure_logging("info", stream=Gone())
    structlog.get_logger("callboard").warning("still here", number=1)


def test_a_library_that_repeats_itself_is_heard_once_and_counted() -> None:
    """One line of a kind in ten seconds; the next one says how many there were."""
    out = io.StringIO()
    configure_logging("info", stream=out)
    library = logging.getLogger("some.client")
    [handler] = [one for one in logging.getLogger().handlers if getattr(one, "callboard", False)]
    for number in range(100):
        library.warning("cannot reach %s", number)
    library.warning("something else")
    later = library.makeRecord(
        "some.client", logging.WARNING, "f", 1, "cannot reach %s", (7,), None
    )
    later.created += 11
    handler.handle(later)
    lines = [line.split("]", 1)[1] for line in out.getvalue().splitlines()]
    assert [" ".join(line.split()) for line in lines] == [
        "cannot reach 0 [some.client]",
        "something else [some.client]",
        "cannot reach 7 (and 99 like it before) [some.client]",
    ]
