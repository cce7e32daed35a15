"""Transport URLs: what `transport=` and `CALLBOARD_TRANSPORT` may say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from ..actors import InvalidTransportURL

_OPTIONS = ("session_timeout", "security", "sasl", "ca", "cert", "key", "verify")
_EXPECTED = (
    "expected memory:// or kafka://HOST:PORT[,HOST:PORT...][?session_timeout=SECONDS]"
    "[&security=ssl|sasl_ssl|sasl_plaintext&sasl=MECHANISM&ca=FILE&cert=FILE&key=FILE&verify=no]"
)
_DEFAULT_PORT = 9092


@dataclass(frozen=True, slots=True)
class TransportURL:
    """A parsed transport URL.

    Attributes:
        text: As given.
        bootstrap: `host:port,...`, or None for the broker inside the process.
        session_timeout: Seconds of silence after which a node counts as dead;
            None leaves the default.
        security: The options about TLS and logins, by name.
    """

    text: str
    bootstrap: str | None
    session_timeout: float | None = None
    security: Mapping[str, str] = field(default_factory=dict[str, str])


def parse_transport(url: str) -> TransportURL:
    """Parse a transport URL.

    Args:
        url: `memory://` (a broker inside this process) or
            `kafka://host:9092,host2:9092?session_timeout=10`. A host without a
            port gets 9092.

    Raises:
        InvalidTransportURL: Says what was given and what was expected.

    Example:
        >>> parse_transport("kafka://a,b:9093").bootstrap
        'a:9092,b:9093'
    """
    scheme, separator, rest = url.partition("://")
    shown = _shown(url)
    if not separator or scheme not in {"memory", "kafka"}:
        raise InvalidTransportURL(f"got {shown}; {_EXPECTED}")
    if scheme == "memory":
        if rest:
            raise InvalidTransportURL(f"got {shown}; memory:// takes nothing behind it")
        return TransportURL(url, None)
    parts = urlsplit(url)
    # Anywhere: a password with a slash in it makes the rest look like a path.
    if "@" in url.partition("?")[0]:
        raise InvalidTransportURL(
            f"a transport URL carries no user or password: set CALLBOARD_KAFKA_USERNAME and "
            f"CALLBOARD_KAFKA_PASSWORD; {_EXPECTED}"
        )
    if parts.path not in {"", "/"}:
        raise InvalidTransportURL(f"got {shown} with the path {parts.path!r}; {_EXPECTED}")
    hosts = [_host(shown, host) for host in parts.netloc.split(",")]
    options = _options(shown, parts.query)
    session_timeout = options.pop("session_timeout", None)
    return TransportURL(
        url,
        ",".join(hosts),
        None if session_timeout is None else _seconds(session_timeout),
        options,
    )


def _shown(url: str) -> str:
    """Return the part of a URL that an error may show: no user, no password, no options."""
    address, question, _ = url.partition("?")
    scheme, separator, rest = address.partition("://")
    if "@" in rest:
        rest = f"...@{rest.rpartition('@')[2]}"
    return repr(f"{scheme}{separator}{rest}{question and '?...'}")


def _host(shown: str, host: str) -> str:
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, port = host, str(_DEFAULT_PORT)
    if not name or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise InvalidTransportURL(f"got {shown}, where {host!r} is no HOST:PORT; {_EXPECTED}")
    return f"{name}:{port}"


def _options(shown: str, query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _OPTIONS:
            raise InvalidTransportURL(
                f"got {shown} with the option {name!r}; expected {', '.join(_OPTIONS)}. User and "
                f"password are no options: set CALLBOARD_KAFKA_USERNAME and "
                f"CALLBOARD_KAFKA_PASSWORD"
            )
        found[name] = value
    return found


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.1 <= found <= 3600:
        raise InvalidTransportURL(
            f"got session_timeout={text!r}; expected seconds between 0.1 and 3600"
        )
    return found
