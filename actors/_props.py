"""What an actor is made of, each time it is made."""

from typing import Any, NamedTuple, cast

from ._actor import Actor
from ._mailbox import MailboxOptions


class Props(NamedTuple):
    """A class and the arguments of its instances, with the bound of the mailbox."""

    actor: type[Actor]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    mailbox: MailboxOptions | None

    def make(self) -> Actor:
        """Return a new instance; raises what its `__init__` does."""
        return self.actor(*self.args, **self.kwargs)

    def check(self) -> None:
        """Refuse what is no actor class.

        Raises:
            TypeError: with the line to write.
        """
        actor = cast("object", self.actor)
        if not (isinstance(actor, type) and issubclass(actor, Actor)):
            raise TypeError(
                f"{actor!r} cannot be spawned: give a subclass of Actor, then the arguments of "
                'its instance, as in spawn(Greeter, "hi", name="greeter")'
            )
