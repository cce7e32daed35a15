"""Which brokers are measured, where they are found, and what starts the process that does it."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .. import BROKER_PEERS, Subject, find_program
from ._workloads import KAFKA, NOIDA, OURS, TANSU

SUBJECT_NAMES = (OURS, TANSU, NOIDA, KAFKA)

_NO_JAVA = (
    "install Java 17 or later, on Debian and Ubuntu with "
    "`apt-get install --no-install-recommends openjdk-17-jre-headless`"
)
_ON_DISK = "it keeps records on disk, not in memory"


@dataclass(frozen=True, slots=True)
class FoundBroker:
    """A kind of broker as it can be started here, if it can.

    Attributes:
        name: one of SUBJECT_NAMES.
        arguments: what was found of it, as `servers` takes it.
        missing: why it is not there, and how to get it; None if it is there.
    """

    name: str
    arguments: tuple[str, ...] = ()
    missing: str | None = None


def find_broker(name: str) -> FoundBroker:
    """Return what there is of a kind of broker.

    Args:
        name: one of SUBJECT_NAMES.
    """
    if name == OURS:
        return FoundBroker(name)
    if name == KAFKA:
        return _apache_kafka()
    peer = next(peer for peer in BROKER_PEERS if peer.subject == name)
    program, remedy = find_program(peer)
    return FoundBroker(name, missing=remedy) if program is None else FoundBroker(name, (program,))


def make_subject(name: str) -> Subject:
    """Return a broker as it can be measured here, if it can.

    Args:
        name: one of SUBJECT_NAMES.
    """
    found = find_broker(name)
    return Subject(
        name,
        # -P: the current folder is none of its business.
        command=(sys.executable, "-P", "-m", "callboard.benchmarks.broker", name, *found.arguments),
        missing=found.missing,
        cannot={"memory_stored": _ON_DISK} if name == KAFKA else {},
        # What a run leaves behind in the clients is not found by the next.
        single=True,
    )


def _apache_kafka() -> FoundBroker:
    java = shutil.which("java")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "callboard"
    jars = sorted(cache.glob("apache-kafka-*"))
    if java is None:
        return FoundBroker(KAFKA, missing=_NO_JAVA)
    if not jars:
        missing = f"run `make kafka` in a checkout, which fetches its jars into {cache}"
        return FoundBroker(KAFKA, missing=missing)
    return FoundBroker(KAFKA, (java, str(jars[-1])))
