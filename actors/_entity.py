"""The base class of entities: durable actors addressed by kind and id."""

import inspect
import re
from typing import Any, ClassVar

from ._entity_context import EntityContext
from ._errors import HandlerError
from ._handlers import Handling, defining_namespace, resolve
from ._policies import MessagePolicy

_KIND = re.compile(r"[A-Za-z0-9_-]+")


class Entity(Handling):
    """A durable actor: its mailbox is in Kafka, its state is saved after each message.

    ```python
    class Account(Entity):
        state: AccountState                     # a protobuf message

        @handler
        def deposit(self, message: Deposit) -> Balance:
            self.state.cents += message.cents
            return Balance(cents=self.state.cents)
    ```

    It is made without arguments by its first message, its state is restored before the first
    handler, and it is forgotten when idle: keep nothing in attributes that the state does not say.
    Messages are handled one at a time, in mailbox order. What a handler sends leaves when the
    handler succeeded.

    Attributes:
        state: the protobuf message that is saved; its annotation names the class.
        context: the view of the system; there from `started` on.
        kind_name: the kind, which is part of topic names; the class's name when left out.
        partitions: partitions of the kind's topics when they are created.
        policy: what becomes of a message this entity fails on; None for the transport's default.
        state_version: written with each state; raise it by one, and write `upgrade_state`, when
            the meaning of the state changes and not only its fields.
    """

    state: Any
    context: EntityContext
    kind_name: ClassVar[str] = ""
    partitions: ClassVar[int] = 8
    policy: ClassVar[MessagePolicy | None] = None
    state_version: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if _KIND.fullmatch(cls.kind()) is None:
            raise HandlerError(
                f"{cls.kind()!r} cannot be a kind of entity: a kind is part of Kafka topic names, "
                "so it has "
                f"letters, digits, _ and - only. Write in {cls.__qualname__}:\n    kind_name = "
                '"Account"'
            )
        if cls.partitions < 1:
            raise HandlerError(
                f"{cls.__qualname__}.partitions is {cls.partitions}; a topic has at least 1"
            )
        if cls.state_version < 1:
            raise HandlerError(
                f"{cls.__qualname__}.state_version is {cls.state_version}; versions begin at 1"
            )
        # Resolved now when it can be: the function a class is defined in is gone later.
        local = defining_namespace(cls)
        if "state" in inspect.get_annotations(cls):
            annotation = inspect.get_annotations(cls)["state"]
            if isinstance(annotation, str) and annotation in local:
                annotation = local[annotation]
            cls._state_annotation = annotation

    _state_annotation: ClassVar[Any] = None

    @classmethod
    def kind(cls) -> str:
        """Return the kind: `kind_name`, or the class's name."""
        return cls.kind_name or cls.__name__

    @classmethod
    def state_type(cls) -> type[Any] | None:
        """Return the class that `state` is annotated with here or in the nearest base, or None.

        Raises:
            HandlerError: the annotation names no class.
        """
        annotation = cls._state_annotation
        if annotation is None or annotation is Any:
            return None
        owner = next(base for base in cls.__mro__ if "_state_annotation" in vars(base))
        found = resolve(annotation, owner, {}, f"{owner.__qualname__}.state")
        if found is Any or found is None:
            return None
        if not isinstance(found, type):
            raise HandlerError(
                f"{owner.__qualname__}.state is annotated with {found!r}; name one class, the "
                "protobuf message "
                "that is saved:\n    state: AccountState"
            )
        return found

    @classmethod
    def upgrade_state(cls, value: bytes, version: int) -> Any:
        """Return the state that bytes of an older version stand for.

        Called before the first handler of an entity whose state was last written by a class with a
        smaller `state_version`. It must be pure: it may run again, on this node or another. The
        upgraded state is saved with the next message. When it raises, the entity's policy decides,
        as for a failing handler. A state of a *newer* version stops the node instead.

        ```python
        class Account(Entity):
            state: AccountState
            state_version = 2

            @classmethod
            def upgrade_state(cls, value: bytes, version: int) -> AccountState:
                old = AccountStateV1.FromString(value)      # 1 kept whole euros
                return AccountState(cents=old.euros * 100)
        ```

        Args:
            value: the bytes of the state, as the older class wrote them.
            version: its `state_version`; 1 when it had none.

        Returns:
            A message of the class that `state` is annotated with. Unless overridden, the bytes
            read as that class: enough when fields were only added.
        """
        state_type = cls.state_type()
        assert state_type is not None, "only entities with a state are upgraded"
        del version
        return state_type.FromString(value)

    async def started(self) -> None:
        """Prepare, after the state was restored and before the first message."""

    async def stopped(self) -> None:
        """Clean up, when the entity is passivated or its partition leaves this node in good order.

        Not called when a handler failed, nor when the process dies.
        """
