"""Ports for the servers that tests start."""

import secrets
import socket

_FIRST, _COUNT = 20_000, 12_000
"""Below those that clients are given: a server that was killed finds its port free again."""
_TRIES = 200


def free_ports(count: int) -> list[int]:
    """Return different ports of 127.0.0.1 that nobody listens at just now."""
    held: list[socket.socket] = []
    try:
        for _ in range(_TRIES):
            if len(held) == count:
                break
            probe = socket.socket()
            try:
                # Drawn, and not by a seed: other runs of the tests look for ports as well.
                probe.bind(("127.0.0.1", _FIRST + secrets.randbelow(_COUNT)))
            except OSError:
                probe.close()
            else:
                held.append(probe)
        assert len(held) == count, f"no {count} ports are free between {_FIRST} and their end"
        return [probe.getsockname()[1] for probe in held]
    finally:
        for probe in held:
            probe.close()
