"""Making actors below a supervisor."""

from collections.abc import Mapping, Sequence
from typing import Any

from ._actor import Actor
from ._cell import Cell
from ._family import Family
from ._mailbox import MailboxOptions
from ._place import Supervisor
from ._props import ChildSpec, check_actor
from ._runtime import System

_EXAMPLE = 'spawn(Greeter, "hi", name="greeter")'


def bear(  # noqa: PLR0917 - every spawn passes here, and keywords cost time
    system: System,
    parent: Supervisor,
    family: Family,
    actor: type[Any] | ChildSpec,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    name: str | None,
    mailbox: MailboxOptions | None,
) -> Cell:
    """Make an actor below `parent` and start it.

    Raises:
        HandlerError: what is to be spawned is no actor class.
        NameTaken: a living child of `parent` has the name.
    """
    if isinstance(actor, ChildSpec):
        return _bear_spec(system, parent, family, actor, args, kwargs, name, mailbox)
    if not (isinstance(actor, type) and issubclass(actor, Actor)):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        check_actor(actor, _EXAMPLE)
    taken = family.name_for(name)
    cell = Cell(system, parent, taken, actor, args, kwargs, mailbox)
    cell.make()
    family.members[taken] = cell
    system.counters.spawned += 1
    cell.begin()
    return cell


def bear_in_order(
    system: System, parent: Supervisor, family: Family, specs: Sequence[ChildSpec]
) -> list[Cell]:
    """Make the actors of child specs; each starts when the one before it runs.

    Raises:
        NameTaken: a living child, or another spec, has the name; none of them is made.
    """
    names = [spec.name for spec in specs if spec.name is not None]
    for name in names:
        family.name_for(name)
        if names.count(name) > 1:
            raise ValueError(f"two children of {parent.path} are named {name!r}; rename one")
    cells: list[Cell] = []
    for spec in specs:
        taken = family.name_for(spec.name)
        cell = Cell(system, parent, taken, spec.actor, spec.args, spec.kwargs, spec.mailbox)
        cell.begin_down(spec.restart, spec.shutdown)
        family.members[taken] = cell
        system.counters.spawned += 1
        cells.append(cell)
    family.start_in_order(cells)
    return cells


def _bear_spec(  # noqa: PLR0917 - the same arguments
    system: System,
    parent: Supervisor,
    family: Family,
    spec: ChildSpec,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    name: str | None,
    mailbox: MailboxOptions | None,
) -> Cell:
    if args or kwargs or name is not None or mailbox is not None:
        raise TypeError(
            f"spawn was given a child spec of {spec.actor.__name__} and arguments beside it; write "
            f"all of it into the spec: spawn(child({spec.actor.__name__}, ..., name=...))"
        )
    return bear_in_order(system, parent, family, (spec,))[0]
