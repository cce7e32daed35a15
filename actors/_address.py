"""Addresses: what a ref is called where it is written down, in a message or a configuration."""

from dataclasses import dataclass
from urllib.parse import unquote

from ._path import ActorPath

_SCHEME = "callboard://"
_USER = "user"
SINGLETONS = "singletons"


@dataclass(frozen=True, slots=True)
class Address:
    """What an address says.

    | address | reaches |
    |---|---|
    | `callboard://bank/node-2/user/greeter` | the actor of that path on node-2 |
    | `callboard://bank/user/greeter` | the same on the node that reads it |
    | `callboard://bank/Account/acc-42` | an entity, wherever it lives |
    | `callboard://bank/singletons/clock` | the singleton, wherever it lives |

    >>> Address.parse("callboard://bank/node-2/user/desk/w1")
    Address(system='bank', node='node-2', names=('desk', 'w1'), kind='')

    Attributes:
        system: name of the actor system.
        node: of an actor: where; "" for the node that reads it.
        names: of an actor: its names below `user`; else the one id or name.
        kind: the kind of an entity, `singletons`, or "" for an actor.
    """

    system: str
    node: str
    names: tuple[str, ...]
    kind: str

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read an address.

        Raises:
            ValueError: it is none; the sentence says what one looks like.
        """
        wanted = f"{_SCHEME}SYSTEM/NODE/user/NAME, or {_SCHEME}SYSTEM/KIND/ID for an entity"
        if not isinstance(text, str) or not text.startswith(_SCHEME):  # pyright: ignore[reportUnnecessaryIsInstance] - it may come from a message
            raise ValueError(f"{text!r} is no address of an actor; expected {wanted}")
        system, *rest = (unquote(part) for part in text.removeprefix(_SCHEME).split("/"))
        names = tuple(rest)
        if not system or not all(names):
            raise ValueError(f"{text!r} is no address: a part of it is empty; expected {wanted}")
        if len(names) >= 2 and names[0] == _USER:
            return cls(system, "", names[1:], "")
        if len(names) >= 3 and names[1] == _USER:
            return cls(system, names[0], names[2:], "")
        if len(names) == 2:
            return cls(system, "", names[1:], names[0])
        raise ValueError(f"{text!r} is no address; expected {wanted}")

    @property
    def path(self) -> ActorPath:
        """Where it is, as a path."""
        if self.kind:
            return ActorPath(self.system, (self.kind, *self.names))
        node = (self.node,) if self.node else ()
        return ActorPath(self.system, (*node, _USER, *self.names))


def address_on(path: ActorPath, node: str) -> str:
    """Return what a path of a node is called on others."""
    return str(ActorPath(path.system, (node, *path.segments)))


def check_node_name(name: str) -> str:
    """Return `name` if a node may be called so; it is part of addresses.

    Raises:
        ValueError: it is empty, or a word that means something else there.
    """
    if not name or name in (_USER, SINGLETONS):
        raise ValueError(
            f"{name!r} cannot name a node: addresses would mean something else. Leave `node` out "
            'to have a name made, or give one like "node-2"'
        )
    return name
