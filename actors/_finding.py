"""How actors are found: by path, by address, all of them."""

from typing import Any

from ._address import Address
from ._ask import Deadlines
from ._errors import NotRunning
from ._guardian import Guardian
from ._mailbox import MailboxStatistics
from ._named import NamedPort
from ._path import ActorPath
from ._ports import Transport
from ._ref import ActorRef, EntityRef, Recipient, port_of
from ._tree import TreeNode, find_in, tree_of


class Finding:
    """The part of a system that looks up who is there."""

    name: str
    node: str
    deadlines: Deadlines
    _guardian: Guardian
    _transport: Transport | None

    @property
    def running(self) -> bool:
        """Whether the system was entered and has not stopped."""
        raise NotImplementedError

    def dead_letter(
        self, message: object, recipient: ActorPath, sender: Recipient[Any] | None, reason: str
    ) -> None:
        """Report a message nobody could take."""
        raise NotImplementedError

    def _create_transport(self) -> Transport:
        raise NotImplementedError

    def _not_running(self, attempt: str) -> str:
        raise NotImplementedError

    def ref(self, address: str) -> ActorRef[Any] | EntityRef[Any]:
        """Return the ref that an address stands for, on this node or another; nothing is sent.

        ```python
        greeter = system.ref("callboard://bank/node-2/user/greeter")
        reply = await greeter.ask(Hello(name="x"), timeout=1.0)
        ```

        It is what `ref.address` says, so a protobuf message carries a ref as a `string` field. The
        ref names a place: whoever has that name when a message comes gets it. With nobody there,
        a tell becomes a dead letter and an ask raises ActorStopped; without the node, an ask
        raises NodeUnreachable.

        Args:
            address: of an actor (`callboard://bank/node-2/user/greeter`, without the node for one
                of this node), an entity (`callboard://bank/Account/acc-42`), or a singleton
                (`callboard://bank/singletons/clock`).

        Raises:
            ValueError: it is no address, or one of another system.
            LookupError: it is an entity's, of a kind that this node does not know.
            NotRunning: outside `async with system`.
        """
        at = Address.parse(address)
        if at.system != self.name:
            raise ValueError(
                f"{address} is an address of the system {at.system!r}, and this is {self.name!r}; "
                "systems reach each other through topics and consumers"
            )
        if not at.kind and at.node in ("", self.node):
            return ActorRef(NamedPort(self, Address(at.system, "", at.names, "").path))
        return self._reaching(address).ref(at)

    def find(self, path: str) -> ActorRef[Any] | None:
        """Return the ref of a living actor by its path, in full or from the root down, or None.

        >>> system.find("greeter/w1")                           # doctest: +SKIP
        <ActorRef callboard://bank/user/greeter/w1>
        """
        return find_in(self._guardian.family, path.removeprefix(f"{self._guardian.path}/"))

    def tree(self) -> TreeNode:
        """Return the living actors as a tree of plain values, the root being the system."""
        return tree_of(self.name, self._guardian.family)

    def mailbox(self, ref: ActorRef[Any]) -> MailboxStatistics:
        """Return how full an actor's mailbox is; of one on another node nothing is known."""
        return port_of(ref).statistics()

    def _reaching(self, what: str) -> Transport:
        """Return the transport, made now if need be."""
        if not self.running:
            raise NotRunning(self._not_running(f"reach {what}"))
        if self._transport is None:
            self._transport = self._create_transport()
        return self._transport
