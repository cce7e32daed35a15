"""Where an actor or entity is: the address that refs, logs and failure events show."""

import re
from dataclasses import dataclass
from urllib.parse import quote

_NAME = re.compile(r"[A-Za-z0-9_$.:@~+-][A-Za-z0-9_$.:@~+ -]*")
_SYSTEM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class ActorPath:
    """An address such as `callboard://bank/user/greeter` or `callboard://bank/Account/acc-42`.

    Paths name a place, not an incarnation: an actor spawned under the name of one that stopped has
    an equal path.

    >>> path = ActorPath("bank", ("user", "greeter"))
    >>> str(path / "w1")
    'callboard://bank/user/greeter/w1'
    >>> path.name
    'greeter'

    Args:
        system: name of the actor system.
        segments: names from the root down. In text, characters of an entity's id that mean
            something in a URL are percent-encoded.
    """

    system: str
    segments: tuple[str, ...]

    @property
    def name(self) -> str:
        """The last segment."""
        return self.segments[-1] if self.segments else self.system

    def __truediv__(self, name: str) -> "ActorPath":
        return ActorPath(self.system, (*self.segments, name))

    def __str__(self) -> str:
        below = "".join(f"/{quote(segment, safe='$.:@~+-')}" for segment in self.segments)
        return f"callboard://{self.system}{below}"


def check_name(name: str) -> str:
    """Return `name` if an actor may be called so.

    Raises:
        ValueError: it is empty or has characters that a path cannot show plainly.
    """
    if name.isalnum() and name.isascii():  # most are, and this is half the price
        return name
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} cannot name an actor: a name has letters, digits, spaces (not first) and "
            "any of _ - . : @ ~ + $, and at least one character"
        )
    if name.startswith("$"):
        raise ValueError(
            f"{name!r} cannot name an actor: names that begin with $ are made by the system"
        )
    return name


def check_system_name(name: str) -> str:
    """Return `name` if a system may be called so; it is part of topic names in Kafka.

    Raises:
        ValueError: it is empty or has other characters than letters, digits, _ and -.
    """
    if _SYSTEM_NAME.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} cannot name an actor system: the name is part of Kafka topic names, so it "
            "has "
            "letters, digits, _ and - only, and begins with a letter or digit"
        )
    return name
