"""How callboard logs when nobody else has set up logging."""

import logging
import sys
from collections.abc import Callable
from typing import Any, TextIO

import structlog

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


class _Surviving:
    """A stream whose end harms nobody.

    A node goes on when whoever read its log has gone: a log line that raises
    `BrokenPipeError` would otherwise end the very task that writes messages.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):  # closed at the other end, or at this one
            return 0

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return


class _Throttle(logging.Filter):
    """Lets a library's line through once in ten seconds, with the number of those like it.

    A Kafka client that cannot reach its broker says so some ninety times a second.
    """

    _SECONDS = 10.0
    _KINDS = 1_000

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}
        self._kept: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = (record.name, str(record.msg))
        last = self._said.get(kind)
        if last is not None and record.created - last < self._SECONDS:
            self._kept[kind] = self._kept.get(kind, 0) + 1
            return False
        if len(self._said) >= self._KINDS:  # lines that are never the same twice
            self._said.clear()
            self._kept.clear()
        self._said[kind] = record.created
        if kept := self._kept.pop(kind, 0):
            record.msg = f"{record.msg} (and {kept} like it before)"
        return True


def configure_logging(
    level: str = "info",
    json: bool = False,  # noqa: FBT001, FBT002 - reads well as configure_logging("info", json=True)
    *,
    stream: TextIO | None = None,
) -> None:
    """Log readable lines, or JSON, to standard error.

    callboard's own lines go through structlog. What libraries such as aiokafka log with the
    standard `logging` comes out the same way, from WARNING on, each kind of line at most once in
    ten seconds and with the count of those left out. Calling this again replaces what it did
    before.

    Args:
        level: debug, info, warning, error or critical, for callboard's own lines.
        json: one JSON object a line instead of text.
        stream: where to write instead of standard error.

    Raises:
        ValueError: there is no such level.
    """
    number = _LEVELS.get(level.lower())
    if number is None:
        raise ValueError(f"{level!r} is no log level; write one of {', '.join(_LEVELS)}")
    out = sys.stderr if stream is None else stream
    surviving: Any = _Surviving(out)
    shared = _shared(utc=json)
    last: list[Callable[..., Any]]
    if json:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        last = [_readable(colors=out.isatty())]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(surviving),
        cache_logger_on_first_use=False,
    )
    _log_libraries(surviving, number, shared, last)


def configure_if_nobody_has() -> None:
    """Log to standard error from INFO on, if nobody has configured structlog.

    Its own default prints to standard output, and draws frames with all their variables: that may
    show secrets, and takes long enough to hold up an event loop.
    """
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[*_shared(utc=False), _readable(colors=False)],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS["info"]),
        logger_factory=lambda *_: structlog.PrintLogger(_Surviving(sys.stderr)),  # type: ignore[arg-type]  # as much of a stream as it uses
        cache_logger_on_first_use=False,
    )


def _shared(*, utc: bool) -> list[Callable[..., Any]]:
    """Return what is done to each line before it is written."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=utc),
    ]


def _readable(*, colors: bool) -> Callable[..., Any]:
    """Return what writes lines for people.

    Tracebacks are plain: the default draws frames with all their variables, which may be secrets.
    """
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback
    )


def _log_libraries(
    stream: Any,
    level: int,
    shared: list[Callable[..., Any]],
    last: list[Callable[..., Any]],
) -> None:
    """Have what libraries log with the standard `logging` come out the same way."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(_Throttle())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    for old in [one for one in root.handlers if getattr(one, "callboard", False)]:
        root.removeHandler(old)
    handler.callboard = True  # type: ignore[attr-defined]  # marks it for the next call
    root.addHandler(handler)
    root.setLevel(max(level, logging.WARNING))
