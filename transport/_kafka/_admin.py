"""Topics: made when missing, checked when there."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)

from ...actors import TransportError, TransportUnavailable
from ..delivery import TopicPartition
from ._errors import translate
from ._lifecycle import close_whole, start
from ._planner import Action, TopicFacts, TopicSpec, TopicStep, plan
from ._security import Cluster

_log = structlog.get_logger("callboard.kafka")

_AGAIN = 0.5
_DYNAMIC_TOPIC_CONFIG = 1
"""The source of a setting that was made for its topic, as the protocol numbers it."""


class Admin:
    """Plans, creates, checks and deletes topics; each call opens and closes a client."""

    def __init__(self, cluster: Cluster, client_id: str, *, timeout: float) -> None:
        self._cluster = cluster
        self._client_id = client_id
        self._timeout = timeout

    async def plan(self, specs: Sequence[TopicSpec]) -> list[TopicStep]:
        """Return what has to be done so that topics are as they must be; do nothing.

        Raises:
            TransportUnavailable: No broker answers.
        """
        async with self._client("look at the topics") as client:
            return await self._plan(client, specs)

    async def apply(self, steps: Sequence[TopicStep]) -> None:
        """Create topics and change settings as planned; wait until a broker knows of it.

        Nothing is ever deleted, and no number of partitions changed.

        Raises:
            TransportUnavailable: No broker answers.
            TransportError: The broker refuses.
        """
        async with self._client("prepare the topics") as client:
            await self._carry_out(client, steps)

    async def ensure(self, specs: Sequence[TopicSpec]) -> None:
        """Create the topics that are missing, and check those that are there.

        Settings of a topic that is there are not changed. Where messages or states
        could be lost by one, it is refused; other differences are logged.

        Raises:
            TransportUnavailable: No broker answers.
            TransportError: A topic has another number of partitions or a setting that
                loses something, or the broker refuses to create it.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            try:
                return await self._ensure(specs)
            except TransportUnavailable:
                # A broker that dies meanwhile is no reason not to start: others may answer.
                if loop.time() - began > self._timeout / 2:
                    raise
            await asyncio.sleep(_AGAIN)

    async def _ensure(self, specs: Sequence[TopicSpec]) -> None:
        async with self._client("prepare the topics") as client:
            steps = await self._plan(client, specs)
            for step in steps:
                _check(step)
            made = {Action.CREATE, Action.GROW}
            await self._carry_out(client, [s for s in steps if s.action in made])

    async def matching(self, test: Callable[[str], bool]) -> dict[str, int]:
        """Return the topics whose name passes a test, with their number of partitions.

        Raises:
            TransportUnavailable: No broker answers.
        """
        async with self._client("list the topics") as client:
            names = [name for name in await client.list_topics() if test(name)]
            return {name: len(found) for name, found in (await _described(client, names)).items()}

    async def delete(self, topics: Sequence[str]) -> None:
        """Delete topics; those that do not exist are passed over."""
        async with self._client("delete topics") as client:
            listed = set(await client.list_topics())
            there = sorted(listed.intersection(topics))
            if there:
                await client.delete_topics(there)

    async def trim(self, starts: Mapping[TopicPartition, int]) -> None:
        """Delete the records of partitions below these offsets.

        Raises:
            TransportUnavailable: No broker answers; some partitions may be done.
            TransportError: The broker refuses; some partitions may be done.
        """
        async with self._client("delete records") as client:
            await client.delete_records(
                {KafkaPartition(*p): RecordsToDelete(start) for p, start in starts.items()}
            )

    @asynccontextmanager
    async def _client(self, doing: str) -> AsyncGenerator[AIOKafkaAdminClient]:
        client = AIOKafkaAdminClient(
            **self._cluster.settings(),
            client_id=self._client_id,
            request_timeout_ms=int(self._timeout * 1000),
        )
        await start(client, client.close, self._cluster, self._timeout)
        try:
            async with asyncio.timeout(self._timeout * 3):
                yield client
        except (KafkaError, TimeoutError) as error:
            raise translate(error, doing) from error
        finally:
            await close_whole(client.close())

    async def _plan(
        self, client: AIOKafkaAdminClient, specs: Sequence[TopicSpec]
    ) -> list[TopicStep]:
        described = await _described(client, [spec.name for spec in specs])
        # Those of a topic that is not ours are nobody's business, and may not be told.
        ours = [spec.name for spec in specs if spec.name in described and not spec.foreign]
        settings = await _settings(client, ours) if ours else {}
        unknown: tuple[dict[str, str], frozenset[str]] = ({}, frozenset())
        facts = {
            name: TopicFacts(
                len(partitions), len(partitions[0]["replicas"]), *settings.get(name, unknown)
            )
            for name, partitions in described.items()
        }
        return plan(specs, facts, len((await client.describe_cluster())["brokers"]))

    async def _carry_out(self, client: AIOKafkaAdminClient, steps: Sequence[TopicStep]) -> None:
        fresh = [step for step in steps if step.action is Action.CREATE]
        if fresh:
            await _create(client, fresh)
            await self._appeared(client, fresh)
        grown = [step for step in steps if step.action is Action.GROW]
        if grown:
            wanted = {step.topic: NewPartitions(step.partitions) for step in grown}
            await client.create_partitions(wanted)
            await self._appeared(client, grown)
        changed = [step for step in steps if step.action is Action.SET]
        if changed:
            await _alter(client, changed)
            await self._shown(client, changed)

    async def _appeared(self, client: AIOKafkaAdminClient, steps: Sequence[TopicStep]) -> None:
        names = [step.topic for step in steps]

        async def absent() -> list[str]:
            there = await _described(client, names)
            return [
                step.topic for step in steps if len(there.get(step.topic, ())) < step.partitions
            ]

        await _until_none(absent, "topics were created and do not appear")

    async def _shown(self, client: AIOKafkaAdminClient, steps: Sequence[TopicStep]) -> None:
        async def late() -> list[str]:
            found = await _settings(client, [step.topic for step in steps])
            return [
                step.topic
                for step in steps
                if not step.settings.items() <= found[step.topic][0].items()
            ]

        await _until_none(late, "settings were changed and do not show")


async def _until_none(left: Callable[[], Awaitable[list[str]]], otherwise: str) -> None:
    """Wait until a cluster knows of a change: its controller answers before its brokers do.

    Raises:
        TransportUnavailable: It does not, for five seconds; names what is left.
    """
    missing: list[str] = []
    for _ in range(100):
        missing = await left()
        if not missing:
            return
        await asyncio.sleep(0.05)  # they are told by and by, and tell nobody
    raise TransportUnavailable(f"{otherwise}: {', '.join(sorted(missing))}")


async def _described(client: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, list[Any]]:
    """Return the partitions of the topics that there are."""
    # Listing first: asking a broker to describe a topic may make it create one.
    listed = set(await client.list_topics())
    wanted = [name for name in names if name in listed]
    described = await client.describe_topics(wanted) if wanted else []
    return {
        topic["topic"]: topic["partitions"]
        for topic in described
        if topic["error_code"] == 0 and topic["partitions"]
    }


async def _settings(
    client: AIOKafkaAdminClient, names: Sequence[str]
) -> dict[str, tuple[dict[str, str], frozenset[str]]]:
    """Return all settings of topics, and the names of those that are their own."""
    found: dict[str, tuple[dict[str, str], frozenset[str]]] = {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    for answer in await client.describe_configs(resources):
        told: Any = answer
        for code, message, _, name, entries in told.resources:
            if code:
                said = message or for_code(code).__name__
                raise TransportError(f"the settings of topic {name} are not told: {said}")
            values = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
            # The oldest version says whether a setting is a default, later ones where it is from.
            own = frozenset(
                entry[0]
                for entry in entries
                if entry[3] is False or (entry[3] == _DYNAMIC_TOPIC_CONFIG and entry[3] is not True)
            )
            found[name] = (values, own)
    return found


async def _create(client: AIOKafkaAdminClient, steps: Sequence[TopicStep]) -> None:
    answer: Any = await client.create_topics(
        [
            NewTopic(
                name=step.topic,
                num_partitions=step.partitions,
                replication_factor=step.replicas,
                topic_configs=dict(step.settings),
            )
            for step in steps
        ]
    )
    for topic, code, *message in answer.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:
            said = (message and message[0]) or for_code(code).__name__
            if for_code(code) is TopicAuthorizationFailedError:
                said = (
                    "either it is missing and this user may not create it, or it is there and this "
                    "user may not see it. callboard topics apply makes topics; docs/security.md "
                    "has what users must be allowed"
                )
            raise TransportError(f"the broker does not create topic {topic}: {said}")


async def _alter(client: AIOKafkaAdminClient, steps: Sequence[TopicStep]) -> None:
    # The request replaces all settings of a topic: those that others made go along.
    settings = await _settings(client, [step.topic for step in steps])
    resources: list[ConfigResource] = []
    for step in steps:
        values, own = settings[step.topic]
        kept = {name: values[name] for name in own if name in values}
        resources.append(
            ConfigResource(ConfigResourceType.TOPIC, step.topic, {**kept, **step.settings})
        )
    for answer in await client.alter_configs(resources):
        told: Any = answer
        for code, message, _, name in told.resources:
            if code:
                said = message or for_code(code).__name__
                raise TransportError(f"the broker does not change the settings of {name}: {said}")


def _check(step: TopicStep) -> None:
    if step.action is Action.REFUSE:
        raise TransportError(f"topic {step.topic} cannot be used: {step.why}")
    if step.action is Action.SET and step.vital:
        raise TransportError(
            f"topic {step.topic} would lose messages or states: {step.why}; expected "
            f"{', '.join(f'{name}={value}' for name, value in step.settings.items())}. "
            f"See callboard topics plan, and mend it with callboard topics apply"
        )
    if step.action in {Action.SET, Action.WARN}:
        _log.warning(
            "a topic is not as it should be; see callboard topics plan",
            topic=step.topic,
            reason=step.why,
        )
