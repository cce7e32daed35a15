"""SASL, the server's side: the mechanisms there are, and one client's way through one of them."""

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import NamedTuple, Protocol

from ._scram import MIN_ITERATIONS, AuthenticationFailed, Scram, ScramKeys, another_identity
from .wire import ErrorCode

PLAIN = "PLAIN"
_DIGESTS = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
MECHANISMS = (PLAIN, *_DIGESTS)
"""What can be enabled."""

MAX_FRAME = 512 * 1024
"""Bytes a request may have before its client is known; as in Kafka."""

Entropy = Callable[[int], bytes]
"""Gives so many random bytes."""

_API_VERSIONS, _HANDSHAKE, _AUTHENTICATE = 18, 17, 36


class Exchange(Protocol):
    """A login in progress, by one mechanism.

    Attributes:
        user: Who it is, once that is proved.
    """

    user: str | None

    def answer(self, token: bytes) -> bytes:
        """Answer the client's next token.

        Raises:
            AuthenticationFailed: The exchange is over.
        """
        ...


class Plain:
    """PLAIN (RFC 4616): the password itself, in one token.

    Args:
        check: Tells whether a password is a user's.
    """

    def __init__(self, check: Callable[[str, str], bool]) -> None:
        self.user: str | None = None
        self._check = check

    def answer(self, token: bytes) -> bytes:
        """See `Exchange`."""
        # Kafka replaces what is not UTF-8, too, and it is nobody's password then.
        parts = token.decode(errors="replace").split("\0")
        if len(parts) != 3:
            reason = f"Invalid SASL/PLAIN response: expected 3 tokens, got {len(parts)}"
            raise AuthenticationFailed(reason, reason)
        acting_as, user, password = parts
        for name, given in (("username", user), ("password", password)):
            if not given:
                reason = f"Authentication failed: {name} not specified"
                raise AuthenticationFailed(reason, reason)
        if not self._check(user, password):
            told = "Authentication failed: Invalid username or password"
            raise AuthenticationFailed("no such user, or not the user's password", told)
        if acting_as not in {"", user}:
            raise another_identity()
        self.user = user
        return b""


class Credentials:
    """Everything needed to check a login; no password is kept.

    Derived once, when a broker starts: a few milliseconds for each user and SCRAM
    mechanism, which a login must not spend.

    Args:
        users: Passwords by user name.
        mechanisms: What is enabled, of `MECHANISMS`.
        entropy: For salts and nonces.
        iterations: Of SCRAM's hash.
    """

    def __init__(
        self,
        users: Mapping[str, str],
        mechanisms: Sequence[str],
        entropy: Entropy,
        iterations: int = MIN_ITERATIONS,
    ) -> None:
        self.mechanisms = list(mechanisms)
        self._entropy = entropy
        self._seal = entropy(32)
        self._sealed = {user: self._sealing(password) for user, password in users.items()}
        self._nobody = entropy(32)
        self._scram = {
            mechanism: {
                user: ScramKeys.derive(_DIGESTS[mechanism], password, entropy(32), iterations)
                for user, password in users.items()
            }
            for mechanism in mechanisms
            if mechanism in _DIGESTS
        }

    def exchange(self, mechanism: str) -> Exchange:
        """Begin a login by an enabled mechanism."""
        if mechanism == PLAIN:
            return Plain(self._is_password)
        nonce = base64.urlsafe_b64encode(self._entropy(18)).decode()
        return Scram(_DIGESTS[mechanism], self._scram[mechanism], nonce)

    def _sealing(self, password: str) -> bytes:
        return hmac.digest(self._seal, password.encode(), "sha256")

    def _is_password(self, user: str, password: str) -> bool:
        # An unknown user takes as long as a known one.
        expected = self._sealed.get(user, self._nobody)
        return hmac.compare_digest(expected, self._sealing(password))


class Admission(Enum):
    """What becomes of a request, as things stand."""

    ADMITTED = auto()
    REFUSED = auto()
    """Its answer says ILLEGAL_SASL_STATE; then the connection is closed."""
    CLOSED = auto()
    """The connection is closed without an answer."""


class LoginAnswer(NamedTuple):
    """The answer to a token.

    Attributes:
        code: `NONE` or why not.
        message: Kafka's words for it; empty if all is well.
        token: For the client's side of the mechanism.
    """

    code: ErrorCode
    message: str
    token: bytes = b""


class _Stage(Enum):
    HANDSHAKE = auto()
    TOKENS = auto()
    DONE = auto()
    FAILED = auto()


class Authenticator:
    """One connection's way from a stranger to a user.

    After a failure nothing more is taken; the answer is to be held back for a
    moment, and then the connection closed.

    Args:
        credentials: What logins are checked with; None lets everybody in, and
            answers a login as Kafka does where none is asked for.
    """

    def __init__(self, credentials: Credentials | None) -> None:
        self.principal: str | None = None
        """Who it is; None until that is known, and where nobody asks."""
        self.mechanism = ""
        """How the client says who it is."""
        self.failure: str | None = None
        """Why the login failed, for the log."""
        self._credentials = credentials
        self._stage = _Stage.DONE if credentials is None else _Stage.HANDSHAKE
        self._exchange: Exchange | None = None
        self._bare = False

    @property
    def done(self) -> bool:
        """Whether every request is welcome."""
        return self._stage is _Stage.DONE

    @property
    def expects_bare_token(self) -> bool:
        """Whether the next frame is a token and nothing else, as after a handshake of version 0."""
        return self._bare and self._stage is _Stage.TOKENS

    def admits(self, api_key: int) -> Admission:
        """Tell what becomes of a request of this kind."""
        match self._stage:
            case _Stage.DONE:
                return Admission.ADMITTED
            case _Stage.HANDSHAKE if api_key in {_API_VERSIONS, _HANDSHAKE}:
                return Admission.ADMITTED
            case _Stage.TOKENS if api_key == _AUTHENTICATE:
                return Admission.ADMITTED
            case _Stage.TOKENS:
                return Admission.REFUSED
            case _:
                return Admission.CLOSED

    def refuse(self, api_name: str) -> str:
        """Take note that a request came that was not admitted; return the reason."""
        reason = f"{api_name} came before the client had said who it is"
        self._fail(reason)
        return reason

    def handshake(self, mechanism: str, version: int) -> tuple[ErrorCode, list[str]]:
        """Choose a mechanism: return what is wrong with that, and those enabled."""
        if self._credentials is None or self._stage is not _Stage.HANDSHAKE:
            return ErrorCode.ILLEGAL_SASL_STATE, []
        enabled = self._credentials.mechanisms
        if mechanism not in enabled:
            self._fail(f"a mechanism that is not enabled: {mechanism[:40]!r}")
            return ErrorCode.UNSUPPORTED_SASL_MECHANISM, enabled
        self._exchange = self._credentials.exchange(mechanism)
        self.mechanism = mechanism
        self._bare = version == 0
        self._stage = _Stage.TOKENS
        return ErrorCode.NONE, enabled

    def authenticate(self, token: bytes) -> LoginAnswer:
        """Answer the client's next token."""
        if self._exchange is None or self._stage is not _Stage.TOKENS:
            return LoginAnswer(
                ErrorCode.ILLEGAL_SASL_STATE,
                "SaslAuthenticate request received after successful authentication",
            )
        try:
            answer = self._exchange.answer(token)
        except AuthenticationFailed as error:
            self._fail(str(error))
            told = error.told or (
                "Authentication failed during authentication due to invalid credentials "
                f"with SASL mechanism {self.mechanism}"
            )
            return LoginAnswer(ErrorCode.SASL_AUTHENTICATION_FAILED, told)
        if self._exchange.user is not None:
            self.principal, self._exchange = self._exchange.user, None
            self._stage = _Stage.DONE
        return LoginAnswer(ErrorCode.NONE, "", answer)

    def _fail(self, reason: str) -> None:
        self.failure, self._exchange = reason, None
        self._stage = _Stage.FAILED
