"""A system's topics, planned and prepared from outside: `callboard topics`."""

from collections.abc import Sequence

from ..actors import Entity
from ._cluster import cluster_from_outside
from ._kafka import Admin, KafkaOptions, KafkaSecurity, TopicStep
from ._layout import kind_topics, system_topics

_CLIENT = "callboard-topics"


class Topics:
    """The topics of a system on a cluster.

    Example:
        >>> async def prepare() -> None:
        ...     topics = Topics("kafka://127.0.0.1:9092", "bank", [Account])
        ...     await topics.apply(await topics.plan())

    Args:
        url: A `kafka://` URL.
        system: The system's name.
        kinds: The kinds of entities it has.
        security: How to come in; None for what the URL and the environment say.

    Raises:
        InvalidTransportURL: Not a `kafka://` URL.
    """

    def __init__(
        self,
        url: str,
        system: str,
        kinds: Sequence[type[Entity]],
        *,
        security: KafkaSecurity | None = None,
    ) -> None:
        instead = "makes its topics itself. Give the URL of a cluster, as in kafka://HOST:9092"
        cluster = cluster_from_outside(url, system, security, instead)
        timeout = KafkaOptions(cluster=cluster).request_timeout
        self._specs = [*system_topics(system), *kind_topics(system, kinds)]
        self._admin = Admin(cluster, _CLIENT, timeout=timeout)

    async def plan(self) -> list[TopicStep]:
        """Return what has to be done so that topics are as they must be; do nothing.

        Raises:
            TransportUnavailable: No broker answers.
        """
        return await self._admin.plan(self._specs)

    async def apply(self, steps: Sequence[TopicStep]) -> None:
        """Create what is missing and change settings; delete nothing, move no key.

        What is refused in a plan is left alone.

        Raises:
            TransportUnavailable: No broker answers.
            TransportError: The broker refuses.
        """
        await self._admin.apply(steps)
