"""Who may connect, and how: users, mechanisms, certificates."""

import os
import secrets
import ssl
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ._errors import BrokerError
from ._sasl import MECHANISMS, Credentials, Entropy
from ._scram import MIN_ITERATIONS


class SecurityError(BrokerError):
    """Security options that cannot work; the message says which, and what would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """Who may connect to a broker, and how.

    Users make it ask for a login, a certificate makes it speak TLS: with both,
    clients say `SASL_SSL`, with one of them `SASL_PLAINTEXT` or `SSL`. It holds
    for every port of the broker. Whoever has come in may do everything: there
    are no ACLs.

    Example:
        >>> Security(users={"alice": "secret"}).protocol
        'SASL_PLAINTEXT'

    Attributes:
        users: Passwords by user name. Never shown in a log, an error or a repr.
        mechanisms: What clients may log in with, of `PLAIN`, `SCRAM-SHA-256` and
            `SCRAM-SHA-512`.
        certificate: PEM file of the broker's certificate, with the chain behind it.
        key: PEM file of its private key; None if that is in the same file.
        client_ca: PEM file of authorities. With it, clients must show a
            certificate that one of them has signed.
        iterations: How often SCRAM hashes a password; 4096 at least.
        failure_delay: Seconds that the answer to a failed login is held back, so
            that passwords cannot be tried out fast.

    Raises:
        SecurityError: The options contradict each other, or clients could not use them.
    """

    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    mechanisms: tuple[str, ...] = MECHANISMS
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    iterations: int = MIN_ITERATIONS
    failure_delay: float = 0.1

    def __post_init__(self) -> None:
        for user, password in self.users.items():
            _check_user(user, password)
        unknown = [name for name in self.mechanisms if name not in MECHANISMS]
        if unknown or not self.mechanisms:
            raise SecurityError(
                f"got mechanisms {list(self.mechanisms)}; expected some of {', '.join(MECHANISMS)}"
            )
        for name, path in (("key", self.key), ("client_ca", self.client_ca)):
            if path is not None and self.certificate is None:
                raise SecurityError(f"{name} is for TLS, which also needs a certificate")
        if not self.users and self.certificate is None:
            raise SecurityError(
                "security with neither users nor a certificate secures nothing; "
                "give one of them, or leave security out"
            )
        if self.iterations < MIN_ITERATIONS:
            raise SecurityError(
                f"got iterations={self.iterations}; clients may refuse fewer than {MIN_ITERATIONS}"
            )
        if self.failure_delay < 0:
            raise SecurityError(f"got failure_delay={self.failure_delay:g}; expected 0 or more")

    @property
    def protocol(self) -> str:
        """What clients call it: their `security.protocol`."""
        transport = "PLAINTEXT" if self.certificate is None else "SSL"
        return f"SASL_{transport}" if self.users else transport

    def credentials(self, entropy: Entropy | None = None) -> Credentials | None:
        """Return what logins are checked with; None if none are asked for.

        Args:
            entropy: Source of salts and nonces; the default is the operating system's.
        """
        if not self.users:
            return None
        return Credentials(
            self.users, self.mechanisms, entropy or secrets.token_bytes, self.iterations
        )

    def server_context(self) -> ssl.SSLContext | None:
        """Return the server's side of TLS; None if it is not spoken.

        Raises:
            SecurityError: A file cannot be read, or is not what it should be.
        """
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Whoever may connect could make the broker shake hands over and over again.
        context.options |= ssl.OP_NO_RENEGOTIATION
        _load_certificate(context, self.certificate, self.key)
        if self.client_ca is not None:
            _must_be_readable(self.client_ca)
            try:
                context.load_verify_locations(self.client_ca)
            except ssl.SSLError as error:
                raise SecurityError(
                    f"{self.client_ca} is not a PEM file of certificates: {error.reason}"
                ) from None
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def read_users(path: Path) -> dict[str, str]:
    """Read users from a file with a line `name:password` for each.

    Everything behind the first colon is the password, spaces included. Empty
    lines and lines that begin with `#` say nothing.

    Raises:
        SecurityError: The file cannot be read, every user of the machine could
            read it too, or a line is not a user; it is named by its number only.
    """
    _must_be_readable(path)
    with path.open(encoding="utf-8", newline="\n") as file:
        # A group may share it on purpose; that everybody may read it is an oversight.
        if os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & stat.S_IRWXO:
            raise SecurityError(
                f"{path} holds passwords, and everybody may open it: chmod o= {path}"
            )
        try:
            users = dict(_users(path, file))
        except UnicodeDecodeError:
            raise SecurityError(f"{path} is not UTF-8") from None
    if not users:
        raise SecurityError(f"{path} has no users in it; expected lines such as alice:secret")
    return users


def _users(path: Path, lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    seen = set[str]()
    for number, line in enumerate(lines, 1):
        text = line.removesuffix("\n").removesuffix("\r")
        if not text.strip() or text.startswith("#"):
            continue
        name, colon, password = text.partition(":")
        if not colon:
            raise SecurityError(f"{path}, line {number}: expected name:password")
        if name in seen:
            raise SecurityError(f"{path}, line {number}: the user {name!r} is there twice")
        seen.add(name)
        try:
            _check_user(name, password)
        except SecurityError as error:
            raise SecurityError(f"{path}, line {number}: {error}") from None
        yield name, password


def _check_user(name: str, password: str) -> None:
    # Kafka's SCRAM knows no others, and PLAIN ends a name with the byte 0.
    if not (name.isascii() and name.isprintable() and name):
        raise SecurityError("a user's name is one or more printable ASCII characters")
    if not password or "\0" in password:
        raise SecurityError(f"the user {name!r} needs a password, without the byte 0 in it")


def _must_be_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise SecurityError(f"cannot read {path}: {error.strerror}") from None


def _load_certificate(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    for path in (certificate, key):
        if path is not None:
            _must_be_readable(path)
    place = key or certificate
    locked = []

    def ask() -> bytes:  # without it, OpenSSL would ask on the terminal
        locked.append(place)
        return b""

    try:
        context.load_cert_chain(certificate, key, ask)
    except ssl.SSLError as error:
        if locked:
            raise SecurityError(
                f"the private key in {place} is encrypted; give one that is not"
            ) from None
        raise SecurityError(
            f"no certificate in {certificate} with its private key in {place}: {error.reason}. "
            f"Both are PEM"
        ) from None
