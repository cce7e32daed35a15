"""SCRAM (RFC 5802), the server's side: a password is proved and never sent."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

MIN_ITERATIONS = 4096
"""What RFC 7677 asks for, and the fewest Apache Kafka accepts."""

_NAME = rb"(?:[\x01-\x2b\x2d-\x3c\x3e-\x7f]|=2C|=3D)+"
_NONCE = rb"[\x21-\x2b\x2d-\x7e]+"
_EXTENSIONS = rb"(?:,[A-Za-z]+=[\x01-\x2b\x2d-\x7f]+)*"
_FIRST = re.compile(
    rb"(?P<header>n,(?:a=(?P<as>" + _NAME + rb"))?,)"
    rb"(?P<bare>n=(?P<user>" + _NAME + rb"),r=(?P<nonce>" + _NONCE + rb")"
    rb"(?P<extensions>" + _EXTENSIONS + rb"))"
)
_FINAL = re.compile(
    rb"(?P<unproved>c=(?P<channel>[A-Za-z0-9+/=]+),r=(?P<nonce>"
    + _NONCE
    + rb")"
    + _EXTENSIONS
    + rb")"
    rb",p=(?P<proof>[A-Za-z0-9+/=]+)"
)


class AuthenticationFailed(Exception):  # noqa: N818 the sentence says it
    """A login that is refused.

    Args:
        reason: For the log; names nothing that was sent.
        told: For the client, if it may know more than that its credentials are invalid.
    """

    def __init__(self, reason: str, told: str | None = None) -> None:
        super().__init__(reason)
        self.told = told


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """What a server keeps instead of a password.

    Attributes:
        salt: Random; the client is told.
        iterations: How often the password was hashed; the client is told.
        stored_key: A client's proof is checked with it.
        server_key: The server proves with it that it knows the user.
    """

    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    @classmethod
    def derive(cls, digest: str, password: str, salt: bytes, iterations: int) -> "ScramKeys":
        """Derive the keys of a password; takes some milliseconds, by intention."""
        # Kafka and its clients take the UTF-8 bytes as they are, without SASLprep.
        salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations)
        client_key = hmac.digest(salted, b"Client Key", digest)
        stored_key = hashlib.new(digest, client_key).digest()
        return cls(salt, iterations, stored_key, hmac.digest(salted, b"Server Key", digest))


class Scram:
    """One exchange: two tokens of the client, each answered.

    Args:
        digest: Name of the hash function.
        users: Keys by user name.
        nonce: Random text of printable ASCII without a comma, for this exchange only.
    """

    def __init__(self, digest: str, users: Mapping[str, ScramKeys], nonce: str) -> None:
        self.user: str | None = None
        self._digest = digest
        self._users = users
        self._nonce = nonce.encode()
        self._claimed = ""
        self._header = b""
        self._said = b""

    def answer(self, token: bytes) -> bytes:
        """Answer the client's next token; `user` is set when that proves who it is.

        Raises:
            AuthenticationFailed: The exchange is over.
        """
        return self._final(token) if self._said else self._first(token)

    def _first(self, token: bytes) -> bytes:
        said = _FIRST.fullmatch(token)
        if said is None:
            bound = token.startswith((b"p=", b"y,"))
            raise AuthenticationFailed(
                "the client wants channel binding" if bound else "not a SCRAM first message"
            )
        if b"tokenauth=true" in said["extensions"].lower().split(b","):
            raise AuthenticationFailed("the client has a delegation token; there are none here")
        user = _unquoted(said["user"])
        keys = self._users.get(user)
        if keys is None:
            raise AuthenticationFailed("no such user")
        if said["as"] is not None and _unquoted(said["as"]) != user:
            raise another_identity()
        self._claimed, self._header = user, said["header"]
        self._nonce = said["nonce"] + self._nonce
        salt = base64.b64encode(keys.salt)
        answer = b"r=%b,s=%b,i=%d" % (self._nonce, salt, keys.iterations)
        self._said = said["bare"] + b"," + answer
        return answer

    def _final(self, token: bytes) -> bytes:
        said = _FINAL.fullmatch(token)
        if said is None:
            raise AuthenticationFailed("not a SCRAM final message")
        if _decoded(said["channel"]) != self._header:
            raise AuthenticationFailed("channel binding that was not agreed on")
        if not hmac.compare_digest(said["nonce"], self._nonce):
            raise AuthenticationFailed("a nonce that is not this exchange's")
        keys, digest = self._users[self._claimed], self._digest
        everything = self._said + b"," + said["unproved"]
        signature = hmac.digest(keys.stored_key, everything, digest)
        proof = _decoded(said["proof"])
        if len(proof) != len(signature):
            raise AuthenticationFailed("a proof of the wrong length")
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
        if not hmac.compare_digest(hashlib.new(digest, client_key).digest(), keys.stored_key):
            raise AuthenticationFailed("the password is not the user's")
        self.user = self._claimed
        return b"v=" + base64.b64encode(hmac.digest(keys.server_key, everything, digest))


def another_identity() -> AuthenticationFailed:
    """Return the refusal of a client that wants to act as somebody else."""
    reason = "the client requested an authorization id that is different from the user name"
    told = "Authentication failed: Client requested an authorization id that is different from username"  # noqa: E501 - Kafka's words
    return AuthenticationFailed(reason, told)


def _unquoted(name: bytes) -> str:
    return name.replace(b"=2C", b",").replace(b"=3D", b"=").decode("ascii")


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise AuthenticationFailed("not base64") from None
