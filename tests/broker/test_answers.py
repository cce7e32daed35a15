"""Answers as they are handed to the connection."""

import struct

from callboard.transport.broker._frames import encode
from callboard.transport.broker.wire import APIS


def test_no_answer_ends_with_an_empty_part() -> None:
    """Some releases of Python would never get done with it: of a member without partitions, say."""
    (api,) = (each for each in APIS.values() if each.name == "sync_group")
    parts = encode(api, 0, 7, {"error_code": 0, "assignment": b""})
    assert b"".join(parts) == struct.pack(">iihi", 10, 7, 0, 0)
    assert parts[-1]
