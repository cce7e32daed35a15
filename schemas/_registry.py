"""Which class a protobuf full name stands for."""

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message


class TypeRegistry:
    """Maps protobuf full names to message classes.

    Every message whose generated module has been imported is known by itself,
    because generated code enters protobuf's own pool on import. `register`
    serves messages that were built in a pool of their own.

    Example:
        >>> from callboard.schemas import AskFailure, TypeRegistry
        >>> TypeRegistry().find("callboard.schemas.v1.AskFailure") is AskFailure
        True
    """

    def __init__(self) -> None:
        self._classes: dict[str, type[Message]] = {}

    def register(self, message_type: type[Message]) -> None:
        """Make a class known under its full name.

        Args:
            message_type: A generated protobuf class.

        Raises:
            ValueError: Another class already has the name; two classes for one
                name would make decoding depend on import order.
        """
        name = message_type.DESCRIPTOR.full_name
        known = self._classes.setdefault(name, message_type)
        if known is not message_type:
            raise ValueError(
                f"{name} is already registered as {known.__module__}.{known.__qualname__}; "
                f"got {message_type.__module__}.{message_type.__qualname__}. "
                f"Give one of them another protobuf package."
            )

    def find(self, full_name: str) -> type[Message] | None:
        """Return the class of a full name, or None when this process knows none.

        Names that are not found are looked up again next time: the module that
        defines them may be imported later.
        """
        known = self._classes.get(full_name)
        if known is not None:
            return known
        try:
            descriptor = descriptor_pool.Default().FindMessageTypeByName(full_name)
        except KeyError:
            return None
        found = message_factory.GetMessageClass(descriptor)
        self._classes[full_name] = found
        return found
