"""Who coordinates a group or a transactional id."""

import pytest
from support.wire import Wire, fresh
from support.wire_groups import GROUP, TRANSACTION, coordinator

from callboard.transport.broker import ErrorCode


@pytest.mark.parametrize("kind", [GROUP, TRANSACTION])
@pytest.mark.parametrize("version", [1, 2])
async def test_a_coordinator_is_one_of_the_brokers(wire: Wire, kind: int, version: int) -> None:
    """It is named by id and address, as metadata names it; none need have used the key before."""
    answer = await coordinator(wire, fresh(), kind, version=version)
    assert answer["error_code"] == ErrorCode.NONE
    brokers = (await wire.ask("metadata", 8, topics=[], allow_auto_create=False))["brokers"]
    assert {name: answer[name] for name in ("id", "host", "port")} in [
        {name: broker[name] for name in ("id", "host", "port")} for broker in brokers
    ]


async def test_the_oldest_version_knows_groups_only(wire: Wire) -> None:
    """Version 0 has no kind of key."""
    answer = await coordinator(wire, fresh(), version=0)
    assert answer["error_code"] == ErrorCode.NONE


@pytest.mark.parametrize("kind", [GROUP, TRANSACTION])
async def test_an_empty_key_has_a_coordinator(wire: Wire, kind: int) -> None:
    """It is a key like any other; what is done with it may be refused later."""
    answer = await coordinator(wire, "", kind)
    assert answer["error_code"] == ErrorCode.NONE


async def test_a_key_has_one_coordinator(wire: Wire) -> None:
    """Asking again names the same."""
    key = fresh()
    asked = [await coordinator(wire, key) for _ in range(3)]
    assert len({answer["id"] for answer in asked}) == 1


@pytest.mark.parametrize("kind", [2, 9, -1])
async def test_there_are_no_other_kinds_of_keys(wire: Wire, kind: int) -> None:
    """INVALID_REQUEST, and no broker is named."""
    answer = await wire.ask("find_coordinator", 2, key=fresh(), key_type=kind)
    assert answer["error_code"] == ErrorCode.INVALID_REQUEST
    assert (answer["id"], answer["host"], answer["port"]) == (-1, "", -1)
