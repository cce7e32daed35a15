"""The living actors as plain values, for people and programs that look."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._ref import ActorRef

if TYPE_CHECKING:
    from ._family import Family
    from ._place import Place


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One actor at one moment, with all below it.

    Attributes:
        name: its name; of the root, the system's.
        path: where it is, as text.
        actor: name of its class; "" for the root.
        state: starting, running, failed, restarting, stopping or stopped.
        restart: permanent, transient, temporary; "" if it was spawned without a spec.
        restarts: restarts in a row.
        waiting: messages in its mailbox.
        strategy: how it supervises its children; "" for the default.
        children: oldest first.
    """

    name: str
    path: str
    actor: str
    state: str
    restart: str
    restarts: int
    waiting: int
    strategy: str
    children: "tuple[TreeNode, ...]"

    def walk(self) -> "Iterator[TreeNode]":
        """Yield this node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


def tree_of(system: str, family: "Family") -> TreeNode:
    """Return the tree below the root."""
    children = tuple(_node(child) for child in family.members.values())
    return TreeNode(system, f"callboard://{system}/user", "", "running", "", 0, 0, "", children)


def find_in(family: "Family", path: str) -> ActorRef[Any] | None:
    """Return the ref of a living actor by its names from here down, as in `desk/w1`."""
    name, more, below = path.partition("/")
    cell = family.members.get(name)
    if cell is None or not more:
        return None if cell is None else cell.self_ref
    return find_in(cell.family, below) if cell.has_children else None


def _node(cell: "Place") -> TreeNode:
    strategy = cell.strategy
    return TreeNode(
        name=cell.name,
        path=str(cell.path),
        actor=cell.actor_class.__name__,
        state=cell.state.value,
        restart=cell.restart or "",
        restarts=cell.restarts,
        waiting=cell.statistics().waiting,
        strategy="" if strategy is None else str(strategy),
        children=tuple(_node(child) for child in reversed(cell.children())),
    )
