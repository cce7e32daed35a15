"""A transaction whose answer was lost, while another node has gone on from there."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from google.protobuf.wrappers_pb2 import Int64Value
from support.delivery_node import OPTIONS, Node, write
from support.keeper import MAILBOX, STATE, Keeper
from support.planted_bugs import a_transaction_is_repeated_blindly
from support.scripted_log import Log, ScriptedPort

from callboard import TransportUnavailable
from callboard.testing import run_virtual
from callboard.transport.delivery import Outbound, Position, TopicPartition


class Forgetful(ScriptedPort):
    """Takes the first position that moves, loses the answer, and is overtaken by another node."""

    overtaken = False

    async def transact(
        self, partition: TopicPartition, records: Sequence[Outbound], position: Position | None
    ) -> list[int]:
        """See `ScriptedPort.transact`."""
        offsets = await super().transact(partition, records, position)
        if not self.overtaken and position is not None and position.offset:
            self.overtaken = True
            write(self.log, Keeper, "a", Int64Value(value=2), None)
            self.log.committed[partition] = Position(position.offset + 1)
            raise TransportUnavailable("scripted: the answer was lost")
        return offsets


def played() -> tuple[int, int]:
    """Return how often the state was written, and where the mailbox is in the end."""

    async def main() -> tuple[int, int]:
        log = Log()
        port = Forgetful(log)
        node = Node("one", port, [Keeper], replace(OPTIONS, exactly_once=True))
        await node.start()
        write(log, Keeper, "a", Int64Value(value=1), None)
        async with asyncio.timeout(60):
            while not port.overtaken:
                await asyncio.sleep(0.01)
        await asyncio.sleep(10)  # whatever is tried again is tried by now: the time is virtual
        written = [each for each in log.partitions[STATE] if each.key == b"a"]
        position = log.committed[MAILBOX].offset
        await node.stop()
        return len(written), position

    return run_virtual(main())


def test_it_is_not_repeated() -> None:
    """The partition counts as lost, and is begun anew where the other one left it."""
    assert played() == (1, 2)


def test_it_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeated blindly, it takes the position back, and the message is handled once more."""
    a_transaction_is_repeated_blindly(monkeypatch)
    assert played() != (1, 2)
