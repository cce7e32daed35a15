"""Which brokers are measured, where they are found, and what starts the process that does it."""

import os
import shutil
import sys
from pathlib import Path

from .. import BROKER_PEERS, Subject, find_program
from ._workloads import KAFKA, NOIDA, OURS, TANSU

SUBJECT_NAMES = (OURS, TANSU, NOIDA, KAFKA)

_NO_JAVA = (
    "install Java 17 or later, on Debian and Ubuntu with "
    "`apt-get install --no-install-recommends openjdk-17-jre-headless`"
)
_ON_DISK = "it keeps records on disk, not in memory"


def make_subject(name: str) -> Subject:
    """Return a broker as it can be measured here, if it can.

    Args:
        name: one of SUBJECT_NAMES.
    """
    if name == OURS:
        return _subject(name)
    if name == KAFKA:
        return _apache_kafka()
    peer = next(peer for peer in BROKER_PEERS if peer.subject == name)
    program, remedy = find_program(peer)
    return _subject(name, program or "", missing=None if program is not None else remedy)


def _subject(name: str, *found: str, missing: str | None = None) -> Subject:
    return Subject(
        name,
        # -P: the current folder is none of its business.
        command=(sys.executable, "-P", "-m", "callboard.benchmarks.broker", name, *found),
        missing=missing,
        cannot={"memory_stored": _ON_DISK} if name == KAFKA else {},
        # What a run leaves behind in the clients is not found by the next.
        single=True,
    )


def _apache_kafka() -> Subject:
    java = shutil.which("java")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "callboard"
    jars = sorted(cache.glob("apache-kafka-*"))
    if java is None:
        return _subject(KAFKA, missing=_NO_JAVA)
    if not jars:
        missing = f"run `make kafka` in a checkout, which fetches its jars into {cache}"
        return _subject(KAFKA, missing=missing)
    return _subject(KAFKA, java, str(jars[-1]))
