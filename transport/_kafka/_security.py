"""How clients prove who they are, and whom they trust."""

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog

from ...actors import InvalidTransportURL

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
PROTOCOLS = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")

USERNAME = "CALLBOARD_KAFKA_USERNAME"
PASSWORD = "CALLBOARD_KAFKA_PASSWORD"  # noqa: S105 - the name of a variable
PASSWORD_FILE = "CALLBOARD_KAFKA_PASSWORD_FILE"  # noqa: S105 - the name of a variable
KEY_PASSWORD = "CALLBOARD_KAFKA_KEY_PASSWORD"  # noqa: S105 - the name of a variable

_log = structlog.get_logger("callboard.kafka")


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSecurity:
    """How callboard's clients connect to a secured cluster.

    Example:
        >>> KafkaSecurity(tls=True, username="bank", password="secret").protocol
        'SASL_SSL'

    Attributes:
        tls: Whether the broker speaks TLS.
        verify: Whether its certificate and host name are verified. False trusts whoever
            answers, and a warning says so.
        ca: PEM file of the authorities to trust; None for the system's.
        certificate: PEM file of this client's own certificate, for brokers that ask for
            one (mutual TLS).
        key: PEM file of its private key; None if that is in the same file.
        key_password: Of the private key. Never shown.
        username: Who logs in; None for no login.
        password: Never shown in a log, an error or a repr.
        mechanism: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.

    Raises:
        InvalidTransportURL: The settings contradict each other, or a file is not there.
    """

    tls: bool = False
    verify: bool = True
    ca: Path | str | None = None
    certificate: Path | str | None = None
    key: Path | str | None = None
    key_password: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    mechanism: str = "SCRAM-SHA-512"

    def __post_init__(self) -> None:
        if self.mechanism not in MECHANISMS:
            raise InvalidTransportURL(
                f"got the SASL mechanism {self.mechanism!r}; expected {', '.join(MECHANISMS)}"
            )
        if (self.username is None) != (self.password is None):
            raise InvalidTransportURL(
                f"a login takes a user and a password; set both {USERNAME} and {PASSWORD} "
                f"(or {PASSWORD_FILE})"
            )
        for name, path in (("ca", self.ca), ("cert", self.certificate), ("key", self.key)):
            if path is None:
                continue
            if not self.tls:
                raise InvalidTransportURL(f"{name}={path} is for TLS; say security=ssl or sasl_ssl")
            if not Path(path).is_file():
                raise InvalidTransportURL(f"{name}={path}: there is no such file")
        if self.key is not None and self.certificate is None:
            raise InvalidTransportURL(f"key={self.key} needs the certificate it belongs to: cert=")
        if not self.verify and (self.ca is not None or not self.tls):
            lacking = "TLS; say security=ssl or sasl_ssl" if not self.tls else f"no ca={self.ca}"
            raise InvalidTransportURL(f"verify=no trusts whoever answers: it goes with {lacking}")

    @property
    def protocol(self) -> str:
        """Kafka's name for it: `SASL_SSL` and its kin."""
        name = "SSL" if self.tls else "PLAINTEXT"
        return name if self.username is None else f"SASL_{name}"

    def settings(self) -> dict[str, Any]:
        """Return what each of the client library's clients has to be told.

        Raises:
            InvalidTransportURL: A file holds no certificate or no key.
        """
        settings: dict[str, Any] = {"security_protocol": self.protocol}
        if self.tls:
            settings["ssl_context"] = _context(self)
        if self.username is not None:
            logging.getLogger("aiokafka.conn").addFilter(_DISCRETION)
            settings["sasl_mechanism"] = self.mechanism
            settings["sasl_plain_username"] = self.username
            settings["sasl_plain_password"] = self.password
        return settings


class _Discretion(logging.Filter):
    """Keeps logins out of the log: the library logs each request whole, at DEBUG."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                "SaslAuthenticateRequest(...)" if _is_a_login(each) else each
                for each in record.args
            )
        return True


def _is_a_login(argument: object) -> bool:
    return type(argument).__name__.startswith("SaslAuthenticateRequest")


_DISCRETION = _Discretion()


@lru_cache(maxsize=16)
def _context(security: KafkaSecurity) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=security.ca)
    except (ssl.SSLError, OSError) as error:
        raise InvalidTransportURL(f"ca={security.ca} holds no certificates: {error}") from error
    if not security.verify:
        _log.warning(
            "the broker's certificate is not verified: whoever answers is believed, and may read "
            "everything, the login too; give ca= instead of verify=no"
        )
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if security.certificate is not None:
        try:
            # An empty password instead of none: OpenSSL would ask for it on the terminal.
            context.load_cert_chain(
                security.certificate, security.key, password=security.key_password or ""
            )
        except (ssl.SSLError, OSError) as error:
            raise InvalidTransportURL(
                f"cert={security.certificate} and key={security.key or security.certificate} are "
                f"no certificate and its private key, or {KEY_PASSWORD} is wrong: {error}"
            ) from error
    return context


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a cluster is, and how to come in.

    Attributes:
        bootstrap: `host:port,host:port`.
        security: None for plain TCP without a login.
    """

    bootstrap: str
    security: KafkaSecurity | None = None

    def settings(self) -> dict[str, Any]:
        """Return what each of the client library's clients has to be told."""
        more = self.security.settings() if self.security is not None else {}
        return {"bootstrap_servers": self.bootstrap, **more}


def security_from(options: Mapping[str, str], environ: Mapping[str, str]) -> KafkaSecurity | None:
    """Return what a transport URL and the environment say.

    Args:
        options: `security`, `sasl`, `ca`, `cert`, `key` and `verify`, as far as the URL has
            them.
        environ: Where user and passwords are: they are no part of a URL.

    Raises:
        InvalidTransportURL: They do not fit together.
    """
    protocol = options.get("security", "plaintext").lower()
    if protocol not in PROTOCOLS:
        raise InvalidTransportURL(
            f"got security={options['security']!r}; expected {', '.join(PROTOCOLS)}"
        )
    sasl = protocol.startswith("sasl")
    if "sasl" in options and not sasl:
        raise InvalidTransportURL(
            f"sasl={options['sasl']} needs security=sasl_ssl or sasl_plaintext; got {protocol}"
        )
    verify = options.get("verify", "yes").lower()
    if verify not in {"yes", "no"}:
        raise InvalidTransportURL(f"got verify={options['verify']!r}; expected yes or no")
    files = {name: Path(options[name]) for name in ("ca", "cert", "key") if name in options}
    if protocol == "plaintext":
        if files or "verify" in options:
            names = ", ".join(name for name in options if name in files or name == "verify")
            raise InvalidTransportURL(f"{names}: for TLS; say security=ssl or sasl_ssl")
        return None
    login: dict[str, Any] = {}
    if sasl:
        mechanism = options.get("sasl", "scram-sha-512").upper()
        login = {"mechanism": mechanism, **_credentials(environ)}
    return KafkaSecurity(
        tls=protocol.endswith("ssl"),
        verify=verify == "yes",
        ca=files.get("ca"),
        certificate=files.get("cert"),
        key=files.get("key"),
        key_password=environ.get(KEY_PASSWORD),
        **login,
    )


def _credentials(environ: Mapping[str, str]) -> dict[str, str]:
    password = environ.get(PASSWORD)
    file = environ.get(PASSWORD_FILE)
    if password is None and file:
        try:
            password = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise InvalidTransportURL(f"{PASSWORD_FILE}={file}: {error.strerror}") from error
        except UnicodeDecodeError:
            # Not `from`: the error has the file's content in it.
            raise InvalidTransportURL(f"{PASSWORD_FILE}={file} holds no UTF-8 text") from None
    username = environ.get(USERNAME)
    if not username or not password:
        missing = USERNAME if not username else f"{PASSWORD} or {PASSWORD_FILE}"
        raise InvalidTransportURL(f"the URL asks for a login, and {missing} is not set")
    return {"username": username, "password": password}
