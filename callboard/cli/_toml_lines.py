"""Where in a TOML file a setting stands."""

import re

_NAME = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_PART = re.compile(_NAME)
_TABLE = re.compile(r"\s*\[([^\[\]]+)\]")
_SETTING = re.compile(rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=")


class TomlLines:
    """Knows the line of each table and setting; of what stands inside of one, that one's line.

    The reader of TOML tells places of syntax errors alone.

    Args:
        text: The file's.
    """

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.splitlines(), 1):
            if found := _TABLE.match(line):
                table = _parts(found[1])
                self._lines.setdefault(table, number)
            elif found := _SETTING.match(line):
                self._lines.setdefault((*table, *_parts(found[1])), number)

    def of(self, *path: str) -> int:
        """Return the line of a setting, or of what is around it; 1 if that is the file."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(name))
