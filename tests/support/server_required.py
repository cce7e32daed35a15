"""What a test does without the server it needs: it fails in CI, and is skipped elsewhere."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import pytest
from support.kafka_jars import KafkaMissingError
from support.legacy import LegacyMissingError
from support.postgres import PostgresMissingError


class _Startable(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...


S = TypeVar("S", bound=_Startable)


@contextmanager
def needing_server() -> Generator[None]:
    """Turn its absence into a failure where `CI` is set, and into a skip elsewhere."""
    try:
        yield
    except (KafkaMissingError, PostgresMissingError, LegacyMissingError) as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI runs every test on real servers too, but: {error}", pytrace=False)
        pytest.skip(str(error))


@contextmanager
def started(server: S) -> Generator[S]:
    """Start a server or a cluster, and stop it with the block."""
    with needing_server():
        server.start()
    try:
        yield server
    finally:
        server.stop()
