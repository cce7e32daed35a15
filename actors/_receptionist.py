"""Who provides which service: names and groups of actors that come and go."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import structlog

from ._errors import NameTaken
from ._path import ActorPath
from ._ref import ActorPort, ActorRef, port_of

M = TypeVar("M")

_log = structlog.get_logger("callboard.receptionist")


# Without slots: typing writes `__orig_class__` into what `ServiceKey[Quote](...)` makes, and takes
# a refusal for an answer only from a frozen class that has none.
@dataclass(frozen=True)
class ServiceKey(Generic[M]):
    """Names a service; its type says what its providers take: `ServiceKey[Quote]("pricing")`.

    Args:
        name: keys of equal names are equal.
    """

    name: str


@dataclass(frozen=True)
class Listing(Generic[M]):
    """Who provides a service now; told to subscribers at first and at each change.

    Attributes:
        key: the service.
        refs: its providers, in the order they registered.
    """

    key: ServiceKey[M]
    refs: tuple[ActorRef[M], ...]


class Receptionist:
    """Registers actors under service keys and tells subscribers who provides a service.

    ```python
    PRICING = ServiceKey[Quote]("pricing")

    system.receptionist.register(PRICING, self.context.self_ref)     # in `started`
    for ref in system.receptionist.find(PRICING): ...
    system.receptionist.subscribe(PRICING, self.context.self_ref)    # is told Listing messages
    ```

    An actor that stops is taken off by itself; a restart keeps it. On a transport that has
    started, the providers of all nodes are found, those of this one first: what changes elsewhere
    is known here some milliseconds later, and the actors of a node that is down are taken off.
    Not promised: that a ref in a Listing is still alive when it is handled.
    """

    def __init__(self) -> None:
        # By what is behind the ref: the ref of an actor spawned later under the same name is equal.
        self._providers: dict[str, dict[ActorPort, ActorRef[Any]]] = {}
        self._subscribers: dict[str, dict[ActorPort, ActorRef[Any]]] = {}
        self._known: set[ActorPort] = set()
        self._elsewhere: dict[str, Mapping[str, tuple[ActorRef[Any], ...]]] = {}
        self.on_change: Callable[[], None] | None = None
        """Called when the actors of this process that provide something are others than before."""

    def register(self, key: ServiceKey[M], ref: ActorRef[M], *, unique: bool = False) -> None:
        """Add a provider; adding it again does no harm.

        Args:
            key: the service.
            ref: who provides it.
            unique: the service is a name that only one actor of this process may have; for one
                in all nodes, see `ActorSystem.singleton`.

        Raises:
            NameTaken: another has the name.
        """
        providers = self._providers.setdefault(key.name, {})
        port = port_of(ref)
        if unique and any(other is not port for other in providers):
            holder = next(iter(providers.values()))
            raise NameTaken(f"{holder.path}, which has the service {key.name!r} to itself,")
        if port not in providers:
            providers[port] = ref
            self._follow(port)
            self._changed(key.name)

    def deregister(self, key: ServiceKey[M], ref: ActorRef[M]) -> None:
        """Take a provider off; one that is not there does no harm."""
        providers = self._providers.get(key.name, {})
        if providers.pop(port_of(ref), None) is not None:
            self._changed(key.name)

    def find(self, key: ServiceKey[M]) -> tuple[ActorRef[M], ...]:
        """Return the providers of a service: of this node as they registered, then the others'."""
        here = tuple(self._providers.get(key.name, {}).values())
        return (*here, *self._found_elsewhere(key.name))

    def subscribe(self, key: ServiceKey[M], subscriber: ActorRef[Any]) -> Callable[[], None]:
        """Tell `subscriber` a Listing now and whenever it changes, until it stops.

        Returns:
            A function that ends the subscription; calling it twice does no harm.
        """
        subscribers = self._subscribers.setdefault(key.name, {})
        port = port_of(subscriber)
        subscribers[port] = subscriber
        self._follow(port)
        self._tell(subscriber, Listing(key, self.find(key)))

        def unsubscribe() -> None:
            subscribers.pop(port, None)

        return unsubscribe

    def keys(self) -> tuple[ServiceKey[Any], ...]:
        """Return the services that have providers."""
        names = {name: None for name, refs in self._providers.items() if refs}
        for services in self._elsewhere.values():
            names.update(dict.fromkeys(services))
        return tuple(ServiceKey(name) for name in names)

    # --- what a transport calls -------------------------------------------------------------------

    def here(self) -> list[tuple[str, ActorPath]]:
        """Return what the actors of this process provide, and where they are."""
        return [(name, ref.path) for name, refs in self._providers.items() for ref in refs.values()]

    def learned(self, node: str, services: Mapping[str, tuple[ActorRef[Any], ...]]) -> None:
        """Take note of what the actors of another node provide now; empty when it is gone."""
        before = self._elsewhere.pop(node, {})
        if services:
            self._elsewhere[node] = services
        for name in dict.fromkeys((*before, *services)):
            if before.get(name, ()) != services.get(name, ()):
                self._announce(name)

    def _found_elsewhere(self, name: str) -> Iterator[ActorRef[Any]]:
        for node in sorted(self._elsewhere):
            yield from self._elsewhere[node].get(name, ())

    def _changed(self, name: str) -> None:
        self._announce(name)
        if self.on_change is not None:
            self.on_change()

    def _follow(self, port: ActorPort) -> None:
        """Notice when an actor stops."""
        if port not in self._known:
            self._known.add(port)
            port.when_gone(partial(self._forget, port))

    def _forget(self, port: ActorPort) -> None:
        self._known.discard(port)
        for subscribers in self._subscribers.values():
            subscribers.pop(port, None)
        for name, providers in list(self._providers.items()):
            if providers.pop(port, None) is not None:
                self._changed(name)

    def _announce(self, name: str) -> None:
        key: ServiceKey[Any] = ServiceKey(name)
        listing = Listing(key, self.find(key))
        for subscriber in tuple(self._subscribers.get(name, {}).values()):
            self._tell(subscriber, listing)

    def _tell(self, subscriber: ActorRef[Any], listing: Listing[Any]) -> None:
        try:
            subscriber.tell(listing)
        except Exception as error:  # noqa: BLE001 - one full mailbox must not keep it from the others
            _log.warning("a subscriber did not take a listing", error=repr(error))
