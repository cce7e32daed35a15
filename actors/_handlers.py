"""`@handler`: which method takes which message, settled when the class is defined."""

import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast
from weakref import WeakKeyDictionary

from ._errors import HandlerError

M = TypeVar("M")
F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__callboard_handler__"


def handler(method: F) -> F:
    """Mark a method as the handler of the message type its parameter is annotated with.

    The method is returned as it is. It may be plain or `async`; what it returns answers an `ask`. A
    union makes it the handler of several types, and a base class of all that derive from it, unless
    one of them has a handler of its own. `object` takes everything.

    ```python
    class Greeter(Actor):
        @handler
        async def hello(self, message: Hello) -> HelloReply: ...
    ```

    Raises:
        HandlerError: by the `class` statement, when the method's parameters do not say the type.
    """
    if not isinstance(cast("object", method), types.FunctionType):
        raise HandlerError(
            f"@handler marks a method, and was given {method!r}. Write it bare, without "
            "parentheses, nearest to the def:\n"
            "    @handler\n"
            "    def hello(self, message: Hello) -> HelloReply: ..."
        )
    setattr(method, _MARK, True)
    return method


class HandlerTable:
    """Message type to method, for one class. Shared by all its instances.

    Attributes:
        known: the answers of `lookup` so far, for who asks often; without `tuple`, which mailboxes
            use for envelopes.
    """

    __slots__ = ("_declared", "_unknown", "known")

    def __init__(self, declared: Mapping[type, Callable[..., Any]]) -> None:
        self._declared = dict(declared)
        self._unknown: set[type] = set()
        self.known: dict[type, Callable[..., Any]] = {
            one: method for one, method in declared.items() if one is not tuple
        }

    def lookup(self, message_type: type) -> Callable[..., Any] | None:
        """Return the function that takes `(actor, message)`, or None.

        The exact type first, then its bases in the order Python resolves methods. The answer is
        kept.
        """
        found = self.known.get(message_type)
        if found is not None or message_type in self._unknown:
            return found
        for base in message_type.__mro__:
            found = self._declared.get(base)
            if found is not None:
                if message_type is not tuple:
                    self.known[message_type] = found
                return found
        self._unknown.add(message_type)
        return None

    def types(self) -> tuple[type, ...]:
        """Return the message types that handlers are declared for."""
        return tuple(self._declared)


class Accepts(Generic[M]):
    """Says which messages an actor takes, for type checkers and at the `class` statement.

    ```python
    class Greeter(Actor, Accepts[Hello | Bye]): ...

    greeter = system.spawn(Greeter)      # an ActorRef[Hello | Bye]
    ```

    Beside a handler for each of them the class may have others, as for what only it tells itself.
    """


class Handling:
    """Base of Actor and Entity: compiles the table of each subclass."""

    handlers: ClassVar[HandlerTable] = HandlerTable({})
    _declared: ClassVar[Mapping[str, tuple[type, ...]]] = types.MappingProxyType({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        local = defining_namespace(cls)
        own: dict[str, tuple[type, ...]] = {}
        taken: dict[type, str] = {}
        for name, function in list(vars(cls).items()):
            if not getattr(function, _MARK, False):
                continue
            own[name] = _message_types(cls, function, local)
            for message_type in own[name]:
                other = taken.setdefault(message_type, name)
                if other != name:
                    raise HandlerError(
                        f"{cls.__qualname__}.{other} and {cls.__qualname__}.{name} both handle "
                        f"{message_type.__name__}. A message has one handler: remove one of them, "
                        "or give "
                        "them different message types:\n"
                        f"    def {name}(self, message: Another{message_type.__name__}) -> ..."
                    )
        cls._declared = own
        table: dict[type, Callable[..., Any]] = {}
        hidden: set[str] = set()
        for (
            base
        ) in cls.__mro__:  # nearest first: a subclass's handler of a type replaces an inherited one
            declared: Mapping[str, tuple[type, ...]] = vars(base).get("_declared", {})
            for name, message_types in declared.items():
                if name not in hidden:
                    for message_type in message_types:
                        table.setdefault(message_type, getattr(cls, name))
            hidden.update(declared)
        cls.handlers = HandlerTable(table)
        _check_accepted(cls, local)


def table_of(cls: type, methods: Sequence[Callable[..., Any]]) -> HandlerTable:
    """Return the table of bound methods of one instance of `cls`, by their annotations.

    Raises:
        HandlerError: one of them says no type, or two say the same.
    """
    table: dict[type, Callable[..., Any]] = {}
    for method in methods:
        function = getattr(method, "__func__", None)
        if function is None:
            raise HandlerError(
                f"become takes methods of the actor, as in become(self.closed), and got {method!r}"
            )
        types_of = _types_cache.get(function)
        if types_of is None:
            types_of = _types_cache[function] = _message_types(cls, function, {})
        for message_type in types_of:
            if message_type in table:
                raise HandlerError(
                    f"{cls.__qualname__} was to become two methods that both handle "
                    f"{message_type.__name__}; give one of them another message type"
                )
            table[message_type] = function
    return HandlerTable(table)


_types_cache: WeakKeyDictionary[Callable[..., Any], tuple[type, ...]] = WeakKeyDictionary()


def _check_accepted(cls: type, local: Mapping[str, Any]) -> None:
    """Hold a class to what it says in `Accepts[...]`."""
    for base in vars(cls).get("__orig_bases__", ()):
        if typing.get_origin(base) is not Accepts:
            continue
        (said,) = typing.get_args(base)
        if isinstance(said, TypeVar):
            continue
        if isinstance(said, typing.ForwardRef):
            said = resolve(said.__forward_arg__, cls, local, f"Accepts of {cls.__qualname__}")
        handlers: HandlerTable = cls.handlers  # type: ignore[attr-defined] # of Handling's subclasses
        missing = [one.__name__ for one in _classes(said) if handlers.lookup(one) is None]
        if missing:
            raise HandlerError(
                f"{cls.__qualname__} says Accepts[...] and has no handler for "
                f"{', '.join(missing)}. Write one:\n"
                f"    @handler\n    def on_{missing[0].lower()}(self, message: {missing[0]}) -> ..."
            )


def _message_types(
    cls: type, function: Callable[..., Any], local: Mapping[str, Any]
) -> tuple[type, ...]:
    """Read what a handler takes off its one parameter."""
    where = f"{cls.__qualname__}.{function.__name__}"
    parameters = list(inspect.signature(function).parameters.values())[1:]
    define = "async def" if inspect.iscoroutinefunction(function) else "def"
    line = f"    {define} {function.__name__}(self, message: Hello) -> ..."
    simple = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(parameters) != 1 or parameters[0].kind not in simple:
        given = ", ".join(str(parameter) for parameter in parameters) or "nothing"
        raise HandlerError(
            f"{where} takes ({given}) after self; a handler takes the message alone. The sender "
            "and all "
            f"else is in self.context:\n{line}"
        )
    parameter = parameters[0]
    if parameter.annotation is inspect.Parameter.empty:
        raise HandlerError(
            f"{where} does not say which message it handles: its parameter {parameter.name!r} has "
            "no "
            f"annotation. Write:\n    {define} {function.__name__}(self, {parameter.name}: Hello) "
            "-> ..."
        )
    annotation = resolve(parameter.annotation, function, local, where)
    found = _classes(annotation)
    if not found:
        raise HandlerError(
            f"{where} is annotated with {annotation!r}, which no message's class can be compared "
            "with. "
            f"Name a class, or several with |:\n{line}"
        )
    return found


def resolve(
    annotation: Any, near: Callable[..., Any] | type, local: Mapping[str, Any], where: str
) -> Any:
    """Evaluate an annotation that `from __future__ import annotations` or quotes made a string.

    Raises:
        HandlerError: it names something that does not exist yet.
    """
    if not isinstance(annotation, str):
        return annotation
    namespace = dict(local)
    code = getattr(near, "__code__", None)
    for name, cell in zip(
        getattr(code, "co_freevars", ()), getattr(near, "__closure__", None) or (), strict=True
    ):
        try:
            namespace[name] = cell.cell_contents
        except ValueError:
            continue  # a variable of the enclosing function that has no value yet
    module = vars(sys.modules[near.__module__])
    # A bare holder: the return annotation is nobody's business here and may name what does not
    # exist.
    holder = types.SimpleNamespace(__annotations__={"value": annotation})
    try:
        return typing.get_type_hints(holder, module, namespace)["value"]
    except NameError as error:
        raise HandlerError(
            f"{where} is annotated with {annotation!r}, and {error.name!r} is not defined here "
            "yet. Define or "
            "import it above this class (not under TYPE_CHECKING): handlers are compiled when the "
            "class is."
        ) from error
    except (TypeError, SyntaxError, AttributeError) as error:
        raise HandlerError(
            f"{where} is annotated with {annotation!r}, which cannot be read ({error}). Name a "
            "class."
        ) from error


def _classes(annotation: Any) -> tuple[type, ...]:
    """Return the classes an annotation stands for; none if it stands for anything else as well."""
    if annotation is Any or annotation is None:
        return (object if annotation is Any else type(None),)
    origin = typing.get_origin(annotation)
    if origin is None and isinstance(annotation, type):
        return (annotation,)
    if origin is typing.Annotated:
        return _classes(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        members = [_classes(member) for member in typing.get_args(annotation)]
        return tuple(one for member in members for one in member) if all(members) else ()
    if isinstance(origin, type) and all(one is Any for one in typing.get_args(annotation)):
        return (origin,)  # as in `Listing[Any]`: of its arguments nothing can be told at run time
    return ()


def defining_namespace(cls: type) -> Mapping[str, Any]:
    """Return the local names around the `class` statement being executed.

    Message types defined in a function beside the actor are found there; nothing else knows them
    when annotations are strings.
    """
    return calling_namespace(cls.__module__)


def calling_namespace(module: str) -> Mapping[str, Any]:
    """Return the local names of the nearest caller in a module; none at its top level."""
    frame = inspect.currentframe()
    while frame is not None and (
        frame.f_globals.get("__name__") != module
        or frame.f_code.co_name == "__init_subclass__"  # of a base in the same module
    ):
        frame = frame.f_back
    if frame is None or frame.f_locals is frame.f_globals:
        return {}
    return dict(frame.f_locals)
