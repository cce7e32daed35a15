"""Topics: made when missing, checked when there."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from ...actors import TransportError, TransportUnavailable
from ._errors import translate
from ._security import Cluster
from ._start import start


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic a system needs.

    Attributes:
        name: The topic.
        partitions: How many; a topic that exists with another number is
            refused, since its keys would belong to other partitions.
        configs: Settings for its creation. A topic that exists keeps its own.
    """

    name: str
    partitions: int
    configs: dict[str, str] = field(default_factory=dict[str, str])


class Admin:
    """Creates, checks and deletes topics; each call opens and closes a client."""

    def __init__(self, cluster: Cluster, client_id: str, *, timeout: float) -> None:
        self._cluster = cluster
        self._client_id = client_id
        self._timeout = timeout

    async def ensure(self, specs: Sequence[TopicSpec]) -> None:
        """Create the topics that are missing, and wait until they can be used.

        Raises:
            TransportUnavailable: No broker answers.
            TransportError: A topic has another number of partitions, or the
                broker refuses to create it.
        """
        client = await self._open()
        try:
            async with asyncio.timeout(self._timeout * 3):
                there = await self._partitions(client, [spec.name for spec in specs])
                missing = [spec for spec in specs if spec.name not in there]
                if missing:
                    await self._create(client, missing)
                    there = await self._appeared(client, specs)
                for spec in specs:
                    _check(spec, there[spec.name])
        except (KafkaError, TimeoutError) as error:
            raise translate(error, "prepare the topics") from error
        finally:
            await client.close()

    async def matching(self, test: Callable[[str], bool]) -> dict[str, int]:
        """Return the topics whose name passes a test, with their number of partitions.

        Raises:
            TransportUnavailable: No broker answers.
        """
        client = await self._open()
        try:
            async with asyncio.timeout(self._timeout * 3):
                names = [name for name in await client.list_topics() if test(name)]
                return await self._partitions(client, names)
        except (KafkaError, TimeoutError) as error:
            raise translate(error, "list the topics") from error
        finally:
            await client.close()

    async def delete(self, topics: Sequence[str]) -> None:
        """Delete topics; those that do not exist are passed over."""
        client = await self._open()
        try:
            there = await self._partitions(client, topics)
            if there:
                await client.delete_topics(sorted(there))
        except KafkaError as error:
            raise translate(error, "delete topics") from error
        finally:
            await client.close()

    async def _open(self) -> AIOKafkaAdminClient:
        client = AIOKafkaAdminClient(
            **self._cluster.settings(),
            client_id=self._client_id,
            request_timeout_ms=int(self._timeout * 1000),
        )
        await start(client, client.close, self._cluster, self._timeout)
        return client

    async def _partitions(
        self, client: AIOKafkaAdminClient, names: Sequence[str]
    ) -> dict[str, int]:
        # Listing first: asking a broker to describe a topic may make it create one.
        listed = set(await client.list_topics())
        wanted = [name for name in names if name in listed]
        described = await client.describe_topics(wanted) if wanted else []
        return {
            topic["topic"]: len(topic["partitions"])
            for topic in described
            if topic["error_code"] == 0 and topic["partitions"]
        }

    async def _create(self, client: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> None:
        brokers = len((await client.describe_cluster())["brokers"])
        answer = await client.create_topics(
            [
                NewTopic(
                    name=spec.name,
                    num_partitions=spec.partitions,
                    replication_factor=min(3, brokers),
                    topic_configs=spec.configs,
                )
                for spec in specs
            ]
        )
        for topic, code, *message in answer.topic_errors:  # pyright: ignore[reportAttributeAccessIssue]
            if code and for_code(code) is not TopicAlreadyExistsError:
                said = (message and message[0]) or for_code(code).__name__
                raise TransportError(f"the broker does not create topic {topic}: {said}")

    async def _appeared(
        self, client: AIOKafkaAdminClient, specs: Sequence[TopicSpec]
    ) -> dict[str, int]:
        names = [spec.name for spec in specs]
        there: dict[str, int] = {}
        for _ in range(100):
            there = await self._partitions(client, names)
            if len(there) == len(names):
                return there
            await asyncio.sleep(0.05)  # a cluster makes new topics known by and by
        absent = sorted(set(names) - set(there))
        raise TransportUnavailable(f"topics were created and do not appear: {', '.join(absent)}")


def _check(spec: TopicSpec, partitions: int) -> None:
    if partitions != spec.partitions:
        raise TransportError(
            f"topic {spec.name} has {partitions} partitions, {spec.partitions} are expected. "
            f"With another number every key belongs elsewhere: set `partitions = {partitions}` "
            f"on the entity, or use another system name"
        )
