"""The tree that child specs declare, as plain values: for printing it without running it."""

from collections.abc import Sequence
from typing import Any

from ..actors import ChildSpec, TreeNode
from ._supervisor import DynamicSupervisor, Supervisor


def declared_tree(system: str, specs: Sequence[ChildSpec]) -> TreeNode:
    """Return what a system with these specs will start, in the state "declared".

    Children without a name get one at run time; here they have the name of their class in angle
    brackets. The template of a DynamicSupervisor is shown as one child.
    """
    path = f"callboard://{system}/user"
    children = tuple(_node(spec, path) for spec in specs)
    return TreeNode(
        name=system,
        path=path,
        actor="",
        state="declared",
        restart="",
        restarts=0,
        waiting=0,
        strategy="",
        children=children,
    )


def _node(spec: ChildSpec, above: str) -> TreeNode:
    name = spec.name or f"<{spec.actor.__name__}>"
    path = f"{above}/{name}"
    strategy: Any = spec.actor.supervision
    below: tuple[ChildSpec, ...] = ()
    if issubclass(spec.actor, Supervisor | DynamicSupervisor):
        strategy = spec.kwargs.get("strategy") or strategy
        if issubclass(spec.actor, Supervisor):
            below = spec.actor.declared(spec.args)
        else:
            below = tuple(one for one in spec.args if isinstance(one, ChildSpec))
    children = tuple(_node(child, path) for child in below)
    return TreeNode(
        name=name,
        path=path,
        actor=spec.actor.__name__,
        state="declared",
        restart=spec.restart,
        restarts=0,
        waiting=0,
        strategy="" if strategy is None else str(strategy),
        children=children,
    )
