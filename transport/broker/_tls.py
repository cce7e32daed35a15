"""TLS, the server's side: what arrives is opened, what leaves is sealed.

asyncio's own TLS tells nobody of a handshake that fails or hangs: a broker could
neither count such connections nor close them nor say what is wrong with them.
"""

import contextlib
import ssl
from collections.abc import Sequence

_CHUNK = 256 * 1024


class TlsFailed(Exception):  # noqa: N818 the sentence says it
    """Bytes that are no TLS, or a client that wants another one; in OpenSSL's words."""


class TlsPipe:
    """One connection's TLS, without a socket.

    Whatever it is given or asked for, `pending` has afterwards what must be sent.

    Args:
        context: The server's side.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.ready = False
        """Whether both sides have shaken hands."""
        self.ended = False
        """Whether the client has said that nothing more comes."""

    def opened(self, data: bytes) -> bytes:
        """Take in what arrived; return what it says.

        Raises:
            TlsFailed: Nothing more can be understood.
        """
        self._incoming.write(data)
        try:
            return self._read() if self.ready or self._shake_hands() else b""
        except ssl.SSLError as error:
            raise TlsFailed(error.reason or str(error)) from error

    def seal(self, parts: Sequence[bytes]) -> None:
        """Take in what is to be said."""
        data = memoryview(b"".join(parts))
        while data:
            data = data[self._tls.write(data) :]

    def pending(self) -> bytes:
        """Return what must be sent now."""
        return self._outgoing.read()

    def end(self) -> None:
        """Say that nothing more comes."""
        with contextlib.suppress(ssl.SSLError):  # the client need not have said so itself
            self._tls.unwrap()

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.ready = True
        return True

    def _read(self) -> bytes:
        parts: list[bytes] = []
        while True:
            try:
                part = self._tls.read(_CHUNK)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                part = b""
            if not part:
                self.ended = True
                break
            parts.append(part)
        return b"".join(parts)
