"""Times on the command line: 90s, 30m, 12h, 7d."""

import re

_DURATION = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(given: str) -> int | None:
    """Return a time in seconds, or None if it is none."""
    read = _DURATION.fullmatch(given)
    return None if read is None else int(read[1]) * _SECONDS[read[2]]
