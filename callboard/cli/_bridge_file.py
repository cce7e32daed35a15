"""`bridge.toml`: bridges of a system, said and not programmed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..actors import CallboardError, Entity, HandlerError
from ..transport.bridges import Bridge, BridgeOptions, Source, declare_bridge
from ..transport.consumers import ConsumerOptions

if TYPE_CHECKING:
    from .. import ActorSystem


class BridgeFileError(CallboardError):
    """A file of bridges is wrong; says in which lines, and what would be right."""


@dataclass(frozen=True, slots=True)
class BridgeSpec:
    """One bridge of a file.

    Attributes:
        name: Of the bridge.
        source: The queue.
        to: The kind of entities its messages are for.
        key: Which entity: a field of the command, or a place in a JSON body.
        adapter: What makes the command; None if the body is one.
        options: How it takes from the queue.
        reply: How answers are written; None if nobody answers.
        line: Where it stands.
    """

    name: str
    source: Source
    to: type[Entity]
    key: str
    adapter: Callable[..., Any] | None
    options: BridgeOptions
    reply: str | None
    line: int

    def declared(self, system: str) -> Bridge:
        """Return it as a system of that name has it, to be looked at and not to be run."""
        return declare_bridge(
            system,
            self.source,
            self.adapter,
            to=self.to,
            key=self.key,
            options=self.options,
            handling=ConsumerOptions(name=self.name),
            supervision=None,
        )


@dataclass(frozen=True, slots=True)
class BridgeFile:
    """What a file says.

    Attributes:
        path: Of the file.
        system: Whose entities the messages are for.
        transport: Where its log is, if the file says so.
        node: Name of the node, if the file says so.
        bridges: One or more.
    """

    path: Path
    system: str
    transport: str | None
    node: str | None
    bridges: tuple[BridgeSpec, ...]

    def only(self, names: Sequence[str]) -> "BridgeFile":
        """Return it with some of its bridges; with all of them if none are named.

        Raises:
            BridgeFileError: It has no such bridge.
        """
        known = [each.name for each in self.bridges]
        for name in names:
            if name not in known:
                raise BridgeFileError(
                    f"{self.path} has no bridge {name!r}; it has {', '.join(known)}"
                )
        some = tuple(each for each in self.bridges if not names or each.name in names)
        return replace(self, bridges=some)

    def declare(self, system: "ActorSystem") -> None:
        """Declare the bridges.

        Raises:
            BridgeFileError: An adapter, an entity and a key do not fit together.
        """
        for each in self.bridges:
            reply: Any = each.reply  # checked when it was read
            try:
                register = system.bridge(
                    each.source,
                    to=each.to,
                    key=each.key,
                    name=each.name,
                    options=each.options,
                    reply=reply,
                )
                if each.adapter is not None:
                    register(each.adapter)
            except (HandlerError, ValueError) as error:
                raise BridgeFileError(
                    f"{self.path}:{each.line}: bridge {each.name!r}: {error}"
                ) from error
