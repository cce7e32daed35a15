"""Three nodes of Apache Kafka that are one cluster, for tests of what only several brokers do."""

import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from support.apache_kafka import _PORT_TAKEN, ApacheKafka, ApacheKafkaError
from support.kafka_jars import ensure_jars
from support.ports import free_ports

_ATTEMPTS = 3
_END_TIMEOUT = 30.0
NODES = (1, 2, 3)

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "auto.create.topics.enable": "true",
        "default.replication.factor": "3",
        "num.partitions": "4",
        "offsets.topic.replication.factor": "3",
        "transaction.state.log.replication.factor": "3",
        "transaction.state.log.min.isr": "2",
        # A node that does not answer is missed after a second or two.
        "broker.heartbeat.interval.ms": "200",
        "broker.session.timeout.ms": "1500",
        "controller.quorum.election.timeout.ms": "400",
        "controller.quorum.fetch.timeout.ms": "800",
        "replica.lag.time.max.ms": "1500",
    }
)
"""What its nodes are started with, beside the settings of a single one."""


class ApacheCluster:
    """Three combined nodes, each of them broker and controller, on loopback.

    Args:
        settings: Entries of `server.properties` that replace or join `SETTINGS`.
        detour: Ports of a proxy, one for each node: a second listener of theirs sends
            clients there, so that whoever comes by the proxy stays on it.
    """

    def __init__(
        self, settings: Mapping[str, str] | None = None, detour: Sequence[int] = ()
    ) -> None:
        self._settings = {**SETTINGS, **(settings or {})}
        self._detour = detour
        self._nodes: dict[int, _Member] = {}

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes, in the order of their ids; known once started."""
        assert self._nodes, "start() comes first"
        return ",".join(node.bootstrap for node in self._nodes.values())

    @property
    def detour_ports(self) -> list[int]:
        """Where the proxy of `detour` finds the nodes, in the order of their ids."""
        return [node.detour_port for node in self._nodes.values()]

    def start(self) -> None:
        """Start all nodes at once, and wait until they serve.

        Raises:
            KafkaMissingError: No Java, or no jars and no way to fetch them.
            ApacheKafkaError: One of them ended, or was not ready in time.
        """
        ensure_jars()  # before there are threads that would each fetch them
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._start_onfree_ports()
            except ApacheKafkaError as error:
                self.stop()
                if _PORT_TAKEN not in str(error) or attempt == _ATTEMPTS:
                    raise
            except BaseException:
                self.stop()
                raise
            else:
                return

    def stop(self) -> None:
        """End all nodes and remove their data; twice is fine."""
        nodes, self._nodes = self._nodes, {}
        if nodes:
            with ThreadPoolExecutor(len(nodes)) as pool:
                list(pool.map(_Member.stop, nodes.values()))

    def pause(self, node: int) -> None:
        """Have a node stand still: the others miss it, and it does not know."""
        self._nodes[node].signal(signal.SIGSTOP)

    def resume(self, node: int) -> None:
        """Have it go on."""
        self._nodes[node].signal(signal.SIGCONT)

    def kill(self, node: int) -> None:
        """Have a node end at once; its data stays."""
        self._nodes[node].kill()

    def revive(self, node: int) -> None:
        """Start a node that was killed, and wait until it serves."""
        self._nodes[node].revive()

    def restart(self, node: int) -> None:
        """Have a node end in good order, start it again, and wait until it serves."""
        self._nodes[node].end()
        self._nodes[node].revive()

    def heal(self) -> None:
        """Have every node go on that was paused or killed, and wait until it serves."""
        for node in self._nodes.values():
            if node.has_ended:
                node.revive()
            else:
                node.signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_onfree_ports(self) -> None:
        ports = free_ports(3 * len(NODES))
        brokers, controllers, seconds = (ports[at :: len(NODES)] for at in range(3))
        voters = [f"{id_}@127.0.0.1:{port}" for id_, port in zip(NODES, controllers, strict=True)]
        for id_, places in zip(NODES, zip(brokers, controllers, strict=True), strict=True):
            self._nodes[id_] = _Member({**self._settings, "node.id": str(id_)}, places, voters)
        if self._detour:
            for id_, port, proxy in zip(NODES, seconds, self._detour, strict=True):
                self._nodes[id_].add_detour(port, proxy)
        first, *others = self._nodes.values()
        for other in others:
            other.join(first)
        with ThreadPoolExecutor(len(NODES)) as pool:
            list(pool.map(_Member.start, self._nodes.values()))


class _Member(ApacheKafka):
    """One node of a cluster."""

    def __init__(
        self, settings: Mapping[str, str], places: tuple[int, int], voters: Sequence[str]
    ) -> None:
        # Three at once: the second compiler would take more time than it gains.
        quick = ["-XX:TieredStopAtLevel=1"]
        super().__init__(settings, heap_megabytes=256, java_options=quick)
        self._places = places
        self._all_voters = voters
        self.detour_port = self._proxy_port = 0

    def join(self, other: "_Member") -> None:
        """Belong to the same cluster as another node."""
        self._cluster_id = other._cluster_id

    @property
    def has_ended(self) -> bool:
        """Whether its process does not run."""
        return self._process is None or self._process.poll() is not None

    def add_detour(self, port: int, proxy: int) -> None:
        """Have a second listener, whose clients are told to come by a proxy's port."""
        self.detour_port, self._proxy_port = port, proxy

    def end(self) -> None:
        """End in good order: hand over what it leads first. Its data stays."""
        assert self._process is not None, "start() comes first"
        self.signal(signal.SIGTERM)
        self._process.wait(_END_TIMEOUT)

    def signal(self, number: int) -> None:
        """Send its process a signal."""
        assert self._process is not None, "start() comes first"
        self._process.send_signal(number)

    def stop(self) -> None:
        """See `ApacheKafka`. Without a majority it would end slowly, and its data goes anyway."""
        if self._process is not None:
            self._process.kill()
        super().stop()

    def _ports(self) -> tuple[int, int]:
        return self._places

    def _voters(self, controller_port: int) -> str:
        return ",".join(self._all_voters)

    def _properties(self, folder: Path, controller_port: int) -> str:
        properties = super()._properties(folder, controller_port)
        if not self.detour_port:
            return properties
        first = f"PLAINTEXT://{self.bootstrap}"
        second = "DETOUR://127.0.0.1"
        return properties.replace(
            f"listeners={first},", f"listeners={first},{second}:{self.detour_port},"
        ) + (
            f"advertised.listeners={first},{second}:{self._proxy_port}\n"
            "listener.security.protocol.map="
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,DETOUR:PLAINTEXT\n"
        )
