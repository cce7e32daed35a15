"""What a test does without Apache Kafka: it fails in CI, and is skipped elsewhere."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import pytest
from support.kafka_jars import KafkaMissingError


class _Startable(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...


S = TypeVar("S", bound=_Startable)


@contextmanager
def needing_kafka() -> Generator[None]:
    """Turn its absence into a failure where `CI` is set, and into a skip elsewhere."""
    try:
        yield
    except KafkaMissingError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI runs every test on Apache Kafka too, but: {error}", pytrace=False)
        pytest.skip(str(error))


@contextmanager
def started(kafka: S) -> Generator[S]:
    """Start a node or a cluster, and stop it with the block."""
    with needing_kafka():
        kafka.start()
    try:
        yield kafka
    finally:
        kafka.stop()
