"""How each kind of broker is started: nothing but its address and its folder is said."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from ._workloads import KAFKA, NOIDA, OURS, TANSU

_VERSION_SECONDS = 20.0
# A node is given an id when its folder is formatted; any will do.
_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
_KAFKA_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
log.dirs={folder}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
offsets.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
"""


class Place(NamedTuple):
    """Where a broker may be: its port, another one, and a folder that goes with it."""

    port: int
    other_port: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Launch:
    """What starts a broker.

    Attributes:
        command: the process that is the broker.
        before: a command that must have ended well before.
        environment: variables to add or replace.
    """

    command: Sequence[str]
    before: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Servers:
    """A kind of broker.

    Attributes:
        version: what it calls itself.
        launch: returns what starts one at a place.
    """

    version: str
    launch: Callable[[Place], Launch]


def servers(kind: str, arguments: Sequence[str]) -> Servers:
    """Return a kind of broker by its name.

    Args:
        kind: the subject's name.
        arguments: what was found of it: a program, or Java and a folder of jars.
    """
    return _KINDS[kind](*arguments)


def _callboard() -> Servers:
    # The interpreter that measures; -P: the current folder is none of its business.
    command = (sys.executable, "-P", "-m", "callboard", "broker", "--stop-on-stdin-close")
    named = f"callboard {version('callboard')} on CPython {sys.version.partition(' ')[0]}"
    return Servers(named, lambda at: Launch([*command, "--port", str(at.port)]))


def _tansu(program: str) -> Servers:
    def launch(at: Place) -> Launch:
        address = f"tcp://127.0.0.1:{at.port}"
        listen = ("--listener-url", address, "--advertised-listener-url", address)
        return Launch([program, "--silent", *listen])

    return Servers(_said(program, "--version"), launch)


def _noida(program: str) -> Servers:
    def launch(at: Place) -> Launch:
        data = ("--data-dir", str(at.folder / "data"))
        return Launch([program, "start", "--only", "kafka", "--kafka-port", str(at.port), *data])

    return Servers(_said(program, "version"), launch)


def _apache_kafka(java: str, jars: str) -> Servers:
    def launch(at: Place) -> Launch:
        settings = at.folder / "server.properties"
        settings.write_text(
            _KAFKA_SETTINGS.format(port=at.port, controller=at.other_port, folder=at.folder),
            encoding="utf-8",
        )
        run = (java, "-Xmx1g", "-cp", f"{jars}/*")
        tool = ("kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(settings))
        return Launch([*run, "kafka.Kafka", str(settings)], before=[*run, *tool])

    return Servers(f"{Path(jars).name}, a heap of at most 1 GB", launch)


_KINDS: Mapping[str, Callable[..., Servers]] = {
    OURS: _callboard,
    TANSU: _tansu,
    NOIDA: _noida,
    KAFKA: _apache_kafka,
}


def _said(*command: str) -> str:
    """Return the first line that a program says."""
    done = subprocess.run(  # noqa: S603 - only asks for a version
        command, capture_output=True, text=True, timeout=_VERSION_SECONDS, check=False
    )
    return done.stdout.strip().partition("\n")[0]
