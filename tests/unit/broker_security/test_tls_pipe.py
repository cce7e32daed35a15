"""TLS without a socket: a handshake in pieces, garbage, and the end."""

import ssl
from contextlib import suppress

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from callboard.transport.broker._tls import TlsFailed, TlsPipe

AUTHORITY = trustme.CA()
SERVER = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
AUTHORITY.issue_cert("broker.test").configure_cert(SERVER)


class Client:
    """The other side, as unmoved by sockets."""

    def __init__(self, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.maximum_version = version
        AUTHORITY.configure_trust(context)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="broker.test")

    def shake_hands(self) -> bool:
        """Go as far as possible; tell whether that is all the way."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def heard(self, data: bytes) -> bytes:
        """Return what the server said."""
        self.incoming.write(data)
        said = b""
        while True:
            try:
                part = self.tls.read(65_536)
            except ssl.SSLWantReadError:
                return said
            if not part:
                return said
            said += part


def connected(pipe: TlsPipe, client: Client, piece: int = 65_536) -> bytes:
    """Shake hands, in pieces; return what the client said on top of it."""
    said, done = b"", False
    while not (done and pipe.ready):
        done = done or client.shake_hands()
        sent = client.outgoing.read()
        assert sent or pipe.ready or not done
        for at in range(0, len(sent), piece):
            said += pipe.opened(sent[at : at + piece])
        client.incoming.write(pipe.pending())
    return said


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("piece", [1, 100, 65_536])
def test_both_sides_understand_each_other(version: ssl.TLSVersion, piece: int) -> None:
    """However the bytes are cut, and in both versions of TLS."""
    pipe, client = TlsPipe(SERVER), Client(version)
    assert connected(pipe, client, piece) == b""
    client.tls.write(b"a question")
    asked = client.outgoing.read()
    parts = [pipe.opened(asked[at : at + piece]) for at in range(0, len(asked), piece)]
    assert b"".join(parts) == b"a question"
    pipe.seal([b"an ", b"answer"])
    assert client.heard(pipe.pending()) == b"an answer"


def test_what_comes_with_the_end_of_the_handshake_is_heard() -> None:
    """A client may ask at once, in the flight that ends its handshake."""
    pipe, client = TlsPipe(SERVER), Client()
    client.shake_hands()
    pipe.opened(client.outgoing.read())
    client.incoming.write(pipe.pending())
    assert client.shake_hands()
    client.tls.write(b"in a hurry")
    assert pipe.opened(client.outgoing.read()) == b"in a hurry"


@given(st.lists(st.binary(max_size=70_000), max_size=5))
def test_whatever_is_sealed_is_opened(parts: list[bytes]) -> None:
    """Parts of any size arrive whole and in order, both ways."""
    pipe, client = TlsPipe(SERVER), Client()
    connected(pipe, client)
    pipe.seal(parts)
    assert client.heard(pipe.pending()) == b"".join(parts)
    for part in parts:
        if part:
            client.tls.write(part)
    assert pipe.opened(client.outgoing.read()) == b"".join(parts)


@pytest.mark.parametrize(
    ("garbage", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "HTTP_REQUEST"),
        (b"\x00\x00\x00\x14\x00\x12\x00\x00\x00\x00\x00\x01", "WRONG_VERSION_NUMBER"),
    ],
)
def test_what_is_no_tls_fails_with_a_reason(garbage: bytes, reason: str) -> None:
    """Another protocol on the port is told from TLS by its first bytes."""
    with pytest.raises(TlsFailed, match=reason):
        TlsPipe(SERVER).opened(garbage)


@given(st.binary(min_size=1, max_size=300))
def test_no_bytes_break_the_pipe(garbage: bytes) -> None:
    """After a handshake as before, anything either waits for more or fails in the one way."""
    pipe, client = TlsPipe(SERVER), Client()
    connected(pipe, client)
    for each in (pipe, TlsPipe(SERVER)):
        with suppress(TlsFailed):
            assert each.opened(garbage) == b""


def test_a_failure_leaves_an_alert_to_send() -> None:
    """A client that can do only what is refused is told so, in TLS's own way."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    AUTHORITY.issue_cert("broker.test").configure_cert(context)
    pipe, client = TlsPipe(context), Client(ssl.TLSVersion.TLSv1_2)
    client.shake_hands()
    with pytest.raises(TlsFailed, match="UNSUPPORTED_PROTOCOL"):
        pipe.opened(client.outgoing.read())
    client.incoming.write(pipe.pending())
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        client.tls.do_handshake()


def test_either_side_can_end_it() -> None:
    """The client's end is noticed; the server's own is understood by the client."""
    pipe, client = TlsPipe(SERVER), Client()
    connected(pipe, client)
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.unwrap()
    assert pipe.opened(client.outgoing.read()) == b""
    assert pipe.ended
    pipe.end()
    client.incoming.write(pipe.pending())
    client.tls.unwrap()
