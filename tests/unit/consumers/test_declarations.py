"""What may be declared at a system's edges, and what is refused with a sentence that helps."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import Int64Value, StringValue

from callboard import (
    ActorSystem,
    ConsumerContext,
    ConsumerOptions,
    Entity,
    NotRunning,
    Retry,
    SchemaError,
    compose,
    handler,
)
from callboard.actors import HandlerError
from callboard.transport.consumers import MissingKeyError, key_function


class Account(Entity):
    """Takes numbers."""

    state: Int64Value

    @handler
    def add(self, message: Int64Value) -> None:
        """Take a number."""


def system() -> ActorSystem:
    """Return a system that never runs."""
    return ActorSystem("shop")


def test_the_decorator_returns_the_function_as_it_is() -> None:
    """It can be called in a unit test, without a system that runs."""

    def on_order(message: StringValue) -> str:
        return message.value.upper()

    decorated = system().consumer("orders")(on_order)
    assert decorated is on_order
    assert decorated(StringValue(value="x")) == "X"


def no_parameters() -> None:
    """Take nothing."""


def no_annotation(message) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - the point
    """Say nothing."""


def three(message: StringValue, context: ConsumerContext, more: int) -> None:
    """Take too much."""


def text(message: str) -> None:
    """Take what no record is."""


def mixed(message: StringValue | bytes) -> None:
    """Take two formats at once."""


def keyword(message: StringValue, *, context: ConsumerContext) -> None:
    """Take the context by name."""


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (no_parameters, "takes the message, and a context"),
        (no_annotation, "does not say which messages it takes: annotate 'message'"),
        (three, "takes the message, and a context"),
        (keyword, "takes the message, and a context"),
    ],
)
def test_a_function_that_cannot_be_called_is_refused(
    function: Callable[..., Any], said: str
) -> None:
    """The error names the function, and shows what it should look like."""
    with pytest.raises(HandlerError, match=said) as raised:
        system().consumer("orders")(function)
    assert function.__name__ in str(raised.value)


@pytest.mark.parametrize("function", [text, mixed])
async def test_what_nothing_decodes_is_refused_at_the_declaration(
    function: Callable[..., Any],
) -> None:
    """Not when the first message comes."""
    with pytest.raises(HandlerError, match="expected a protobuf class"):
        system().consumer("orders")(function)


def on_list(messages: list[StringValue]) -> None:
    """Take a batch."""


def gave_up(context: ConsumerContext, error: BaseException) -> None:
    """Hear of a failure."""


def on_text(message: StringValue) -> None:
    """Take a message."""


def test_batches_go_to_functions_alone() -> None:
    """A key or an entity would have an order that a batch has not."""
    with pytest.raises(HandlerError, match="leave out to=, key= and at_most_once"):
        system().consumer("orders", key="value")(on_list)
    with pytest.raises(HandlerError, match="on_failure"):
        system().consumer("orders", on_failure=gave_up)(on_list)


@pytest.mark.parametrize("topic", ["", "a b", "ä", "..", "x" * 250])
def test_a_topic_has_a_name_that_kafka_takes(topic: str) -> None:
    """The error says which characters it may have."""
    with pytest.raises(ValueError, match="cannot be a topic's name"):
        system().consumer(topic)(on_text)
    with pytest.raises(ValueError, match="cannot be a topic's name"):
        system().publisher(topic, StringValue)


def test_two_consumers_have_two_names_and_two_groups() -> None:
    """In one group each would get a part of the messages."""
    shop = system()
    shop.consumer("orders")(on_text)
    with pytest.raises(ValueError, match="are called 'on_text'"):
        shop.consumer("payments")(on_text)
    with pytest.raises(ValueError, match=r"in one group, 'shop\.on_text'"):
        shop.consumer("orders", name="other", group="shop.on_text")(on_text)


def test_the_name_of_a_consumer_is_part_of_topics() -> None:
    """So it has their characters, and may not be a kind of the system's entities."""
    with pytest.raises(ValueError, match="cannot be the name of a consumer"):
        system().consumer("orders", name="on order")(on_text)
    shop = ActorSystem("shop", entities=[Account])
    with pytest.raises(ValueError, match="a kind of entities is called 'Account'"):
        shop.consumer("orders", name="Account")(on_text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"concurrency": 0}, "concurrency is 0; expected 1 or more"),
        ({"batch_size": -1}, "batch_size is -1"),
        ({"timeout": 0.0}, "timeout is 0.0; expected seconds above 0"),
        ({"start": "now"}, "start is 'now'; expected"),
    ],
)
def test_options_have_bounds(options: dict[str, Any], said: str) -> None:
    """Each is checked when the options are made."""
    with pytest.raises(ValueError, match=said):
        ConsumerOptions(**options)


def test_retry_is_after_a_time() -> None:
    """Not before now, and not never."""
    with pytest.raises(ValueError, match="seconds to wait"):
        Retry(after=-1)
    with pytest.raises(ValueError, match="seconds to wait"):
        Retry(after=float("inf"))


def test_adapters_are_chained_and_none_ends_the_chain() -> None:
    """What the chain takes is what its first step is annotated with."""
    seen: list[int] = []

    def parse(raw: bytes) -> int | None:
        return int(raw) if raw.isdigit() else None

    def command(value: int) -> Int64Value:
        seen.append(value)
        return Int64Value(value=value)

    chain = compose(parse, command)
    assert chain(b"5") == Int64Value(value=5)
    assert chain(b"x") is None
    assert seen == [5]
    system().consumer("orders", adapter=chain)(on_number)


def on_number(message: Int64Value) -> None:
    """Take what an adapter makes."""


def test_an_adapter_waits_for_nothing() -> None:
    """An async step is refused, and so is a chain of none."""

    async def slow(raw: bytes) -> bytes:
        return raw

    with pytest.raises(HandlerError, match="computes and waits for nothing"):
        compose(slow)
    with pytest.raises(HandlerError, match="no steps"):
        compose()
    with pytest.raises(HandlerError, match="computes and waits for nothing"):
        system().consumer("orders", adapter=slow)(on_number)


def test_a_key_is_a_field_or_a_function() -> None:
    """What gives no key is an error that says so."""
    assert key_function("value")(Int64Value(value=7)) == "7"
    assert key_function(lambda message: b"raw")(None) == "raw"
    for key, message in (("nothing", StringValue()), ("value", StringValue())):
        with pytest.raises(MissingKeyError):
            key_function(key)(message)
    with pytest.raises(MissingKeyError, match="not UTF-8"):
        key_function(lambda message: b"\xff")(None)


def test_a_topic_has_one_publisher() -> None:
    """Asking again gives the same; another type is refused."""
    shop = system()
    assert shop.publisher("orders", StringValue) is shop.publisher("orders", StringValue)
    with pytest.raises(ValueError, match="has a publisher of StringValue already"):
        shop.publisher("orders", Int64Value)
    with pytest.raises(SchemaError, match="protobuf messages, pydantic models"):
        shop.publisher("text", str)


def test_a_publisher_checks_what_it_is_given() -> None:
    """Type, size, key and headers; before anything is sent."""
    orders = system().publisher("orders", StringValue, key="value")
    with pytest.raises(SchemaError, match="writes StringValue, and was given Int64Value"):
        orders.letter(Int64Value(), None, None)  # type: ignore[arg-type] # the point
    with pytest.raises(SchemaError, match="the limit is"):
        orders.letter(StringValue(value="x" * 1_000_000), None, None)
    with pytest.raises(SchemaError, match="begins with ce_ or cb_"):
        orders.letter(StringValue(value="x"), None, {"ce_id": "mine"})
    with pytest.raises(MissingKeyError):
        orders.letter(StringValue(), None, None)
    assert orders.letter(StringValue(), "given", None).key == b"given"


def test_nothing_is_published_before_the_system_runs() -> None:
    """The error shows where to do it."""
    orders = system().publisher("orders", StringValue)
    with pytest.raises(NotRunning, match="async with ActorSystem"):
        orders.tell(StringValue(value="x"))
