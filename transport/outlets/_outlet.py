"""Outlets: what an application writes into a legacy queue."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ...actors import ActorFailed, ActorPath, AskTimeout
from ..bridges import Destination, OutgoingMessage
from ..consumers import Accepted, accepted, check, read_annotation
from ..delivery import DEFAULT_MAX_MESSAGE_BYTES, Codec
from ..publishers import Headers, Publisher, PublisherPort
from ._answers import ERROR
from ._caller import Caller

M = TypeVar("M")
R = TypeVar("R")


class Outlet(Publisher[M], Generic[M, R]):
    """Writes messages of one type into a legacy queue. Made by `system.outlet`.

    ```python
    queue = RabbitMQ("amqp://user:secret@host/", queue="arrivals")
    arrivals = system.outlet(queue, Arrived)

    async with system:
        arrivals.tell(Arrived(tail="N1"))          # fire and forget
        await arrivals.send(Arrived(tail="N1"))    # returns when the log has it
    ```

    `tell`, `send` and `send_all` are those of a `Publisher`, with a topic of the outlet's own,
    `{system}.{name}.outlet`. From there one of the nodes that declare it carries the messages into
    the queue, in their order, each at least once: it counts as carried when the legacy broker has
    confirmed it, and waits while that is away. Its id (`ce_id`) is the message's id over there,
    the same each time. Headers that are given by the names of the page on the broker
    (`correlation-id`, `reply-to`, `priority`) become what has that name there.

    Attributes:
        destination: the queue.
    """

    def __init__(
        self,
        system: str,
        name: str,
        topic: str,
        destination: Destination,
        message_type: type[M],
        *,
        reply: type[R] | None,
        key: Any,
        port: Callable[[], PublisherPort],
        codec: Codec,
    ) -> None:
        super().__init__(
            topic,
            message_type,
            key=key,
            partitions=1,
            port=port,
            max_message_bytes=DEFAULT_MAX_MESSAGE_BYTES,
        )
        self.destination = destination
        self.caller = Caller(destination)
        self._path = str(ActorPath(system, ("outlets", name)))
        self._answers: Accepted | None = None
        if reply is not None:
            said = read_annotation(reply, f"reply= of outlet {name}")
            check(said, f"reply= of outlet {name}")
            self._answers = accepted(said, codec)

    async def ask(
        self,
        message: M,
        *,
        timeout: float,  # noqa: ASYNC109 - as for every ask
        headers: Headers = None,
    ) -> R:
        """Ask a legacy service, and return its answer.

        Order of events: the question goes straight to the legacy broker, with `reply-to` and
        `correlation-id`, and expires there with the time-out; the service's answer comes to a
        queue of this node alone. The log has no part in it. It leaves at once, also within an
        entity's handler: when that is retried, so is the question.

        Args:
            message: The question.
            timeout: Seconds until it is given up.
            headers: Further headers of it.

        Raises:
            ActorFailed: The answer says so in a header `error`.
            AskTimeout: No answer came in time; the service may have done the work all the same.
            BridgeError: The broker is not reached, refuses or was lost; as above.
            SchemaError: The message is not of the outlet's type, or the answer not of `reply`.
            TypeError: The outlet was declared without `reply=`.
            NotRunning: Outside `async with system`.
        """
        if self._answers is None:
            raise TypeError(
                f"{self!r} takes no answers; declare what they are, as in "
                f"system.outlet(queue, {self.message_type.__name__}, reply=Price)"
            )
        self._port()
        letter = self.letter(message, None, headers)
        said = {name: raw.decode(errors="surrogateescape") for name, raw in letter.headers}
        said.setdefault("type", letter.kind[1].decode())
        said.setdefault("content-type", letter.content[1].decode())
        said.setdefault("app-id", self._path)
        try:
            answer = await self.caller.ask(OutgoingMessage("", letter.value, said), timeout)
        except TimeoutError as error:
            raise AskTimeout(self._path, type(message).__qualname__, timeout) from error
        if ERROR in answer.headers:
            why = answer.body.decode(errors="replace")
            raise ActorFailed(self._path, answer.headers[ERROR], why)
        decoded: R = self._answers.decode(answer.body, {})
        return decoded

    def __repr__(self) -> str:
        return f"<Outlet of {self.message_type.__qualname__} to {self.destination.label}>"
