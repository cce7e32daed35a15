"""One node of Apache Kafka for tests: started by the test run, ended by it.

`make kafka` (which runs this file) keeps one up until Ctrl-C and prints its address.
"""

import asyncio
import base64
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from support.kafka_jars import KafkaMissingError, ensure_jars, java
from support.ports import free_ports

_READY = "Kafka Server started"
_PORT_TAKEN = "Address already in use"
_JAVA_TOO_OLD = "UnsupportedClassVersionError"
_ATTEMPTS = 3
_LOOK_EVERY = 0.05

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.listener.names": "CONTROLLER",
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        # A group of tests starts at once, and a killed member is missed after half a second.
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "500",
        # What is too old goes within a second. Tests with old records say `retention.ms=-1`.
        "log.initial.task.delay.ms": "100",
        "log.retention.check.interval.ms": "200",
        "log.cleaner.backoff.ms": "100",
        # A hung transaction is noticed at once after its time-out, not up to ten seconds later.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "100",
    }
)
"""What every node is started with, besides its listeners and its folder."""


class ApacheKafkaError(Exception):
    """Apache Kafka did not start; the message ends with what it said last."""


class ApacheKafka:
    """A single KRaft node, broker and controller in one, on loopback and ports of its own.

    It keeps its data in a temporary folder that goes when it stops. Use it as
    a context manager, or as an async one where blocking the loop would matter:

        with ApacheKafka() as kafka:
            AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)

    Args:
        settings: Entries of `server.properties` that replace or join `SETTINGS`.
        heap_megabytes: The Java heap.
        start_timeout: Seconds until a start counts as failed.
        stop_timeout: Seconds between SIGTERM and SIGKILL.
        java_options: Further options of the Java machine.
    """

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        heap_megabytes: int = 384,
        start_timeout: float = 90.0,
        stop_timeout: float = 10.0,
        java_options: Sequence[str] = (),
    ) -> None:
        self._settings = {**SETTINGS, **(settings or {})}
        self._heap_megabytes = heap_megabytes
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._java_options = java_options
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        # The first bit is 0: an id that begins with a dash would be taken for an option.
        id_ = bytes([secrets.randbelow(128), *secrets.token_bytes(15)])
        self._cluster_id = base64.urlsafe_b64encode(id_).decode().rstrip("=")

    @property
    def bootstrap(self) -> str:
        """`host:port`, for clients; known once started."""
        assert self._port, "start() comes first"
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Fetch the jars if need be, format the storage, start, and wait until it serves.

        Raises:
            KafkaMissingError: No Java, or no jars and no way to fetch them.
            ApacheKafkaError: It ended, or was not ready in time.
        """
        assert self._process is None, "already started"
        classpath = f"{ensure_jars()}/*"
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                if self._start_onfree_ports(classpath, last=attempt == _ATTEMPTS):
                    return
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the node, kindly and then not, and remove its data; twice is fine."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(self._stop_timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(self._stop_timeout)
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

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

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _start_onfree_ports(self, classpath: str, *, last: bool) -> bool:
        """Return False if another process took a port first, and there is another attempt."""
        deadline = time.monotonic() + self._start_timeout
        folder = self._folder = Path(tempfile.mkdtemp(prefix="callboard-kafka-"))
        self._port, controller_port = self._ports()
        properties = folder / "server.properties"
        properties.write_text(self._properties(folder, controller_port))
        self._format(classpath, properties, deadline)
        return self._run(classpath, folder, deadline, last=last)

    def kill(self) -> None:
        """End the process at once, as `kill -9` does; its data stays."""
        assert self._process is not None, "start() comes first"
        self._process.kill()
        self._process.wait(self._stop_timeout)

    def revive(self) -> None:
        """Start it again on the data it has, at the address it had.

        Raises:
            ApacheKafkaError: It ended, or was not ready in time.
        """
        assert self._folder is not None, "start() comes first"
        deadline = time.monotonic() + self._start_timeout
        self._run(f"{ensure_jars()}/*", self._folder, deadline, last=True)

    def _run(self, classpath: str, folder: Path, deadline: float, *, last: bool) -> bool:
        log, properties = folder / "server.log", folder / "server.properties"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    *(java(), f"-Xmx{self._heap_megabytes}m", "-XX:+UseSerialGC"),
                    *self._java_options,
                    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                    # The line that says it serves is the only one wanted at this level.
                    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
                    *("-cp", classpath, "kafka.Kafka", str(properties)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )
        while _READY not in (said := log.read_text(errors="replace")):
            ended = self._process.poll()
            if ended is not None and _PORT_TAKEN in said and not last:
                self.stop()
                return False
            if ended is not None:
                raise ApacheKafkaError(f"Apache Kafka ended with {ended}:\n{_tail(said)}")
            if time.monotonic() > deadline:
                raise ApacheKafkaError(
                    f"Apache Kafka was not ready after {self._start_timeout:g} s:\n{_tail(said)}"
                )
            time.sleep(_LOOK_EVERY)
        return True

    def _ports(self) -> tuple[int, int]:
        """Return the ports to try: for clients, and for the controllers among themselves."""
        port, controller_port = free_ports(2)
        return port, controller_port

    def _voters(self, controller_port: int) -> str:
        return f"1@127.0.0.1:{controller_port}"

    def _properties(self, folder: Path, controller_port: int) -> str:
        places = {
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller_port}",
            "controller.quorum.voters": self._voters(controller_port),
            "log.dirs": str(folder / "data"),
        }
        return "".join(f"{name}={value}\n" for name, value in (self._settings | places).items())

    def _format(self, classpath: str, properties: Path, deadline: float) -> None:
        command = [
            # It lives for a second: too short for the second compiler to pay.
            *(java(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            *("-cp", classpath, "kafka.tools.StorageTool", "format"),
            *("--cluster-id", self._cluster_id, "--config", str(properties)),
        ]
        try:
            subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=deadline - time.monotonic(),
                check=True,
            )
        except subprocess.CalledProcessError as error:
            if _JAVA_TOO_OLD in error.stdout:
                raise KafkaMissingError(
                    f"{java()} is too old for Apache Kafka, which needs Java 17 or later: "
                    "`apt-get install -y --no-install-recommends openjdk-17-jre-headless`"
                ) from error
            raise ApacheKafkaError(f"formatting failed:\n{_tail(error.stdout)}") from error
        except subprocess.TimeoutExpired as error:
            raise ApacheKafkaError(f"formatting took over {error.timeout:.0f} s") from error


def _tail(text: str, lines: int = 12) -> str:
    said = [line for line in text.splitlines() if not line.startswith("\tat ")]  # Java's stacks
    return "\n".join(said[-lines:])


def main() -> None:
    """Run a node until SIGINT or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ApacheKafka() as kafka:
            print(f"Apache Kafka on {kafka.bootstrap}; Ctrl-C ends it", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        pass
    except (ApacheKafkaError, KafkaMissingError) as error:
        sys.exit(f"apache_kafka: {error}")


if __name__ == "__main__":
    main()
