"""Why a client did not start: the library logs the reason and raises another."""

import asyncio
import ssl
from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from ...actors import TransportError, TransportUnavailable
from ._errors import no_broker
from ._security import PASSWORD, USERNAME, Cluster, KafkaSecurity

_SECONDS = 3.0
_PLAIN = KafkaSecurity()


async def reason(cluster: Cluster, seconds: float, error: Exception) -> TransportError:
    """Ask every broker once more, and return why a client did not start.

    A broker that refuses this client is a `TransportError`: waiting does not help.
    All else is `TransportUnavailable`, with a hint if something does listen there.

    Args:
        cluster: Where the client was to connect to.
        seconds: How long it tried.
        error: What the client library raised.
    """
    unavailable = no_broker(cluster.bootstrap, seconds)
    if cluster.security is None and isinstance(error, TimeoutError):
        # Silence is the network's or a broker's that is busy: asking again would only double it.
        return TransportUnavailable(f"{unavailable} {_expectations(_PLAIN)}")
    hosts: list[tuple[str, int, Any]] = collect_hosts(cluster.bootstrap, randomize=False)
    found = await asyncio.gather(*(_ask(cluster, host, port) for host, port, _ in hosts))
    for each in found:
        if isinstance(each, TransportError):
            return each
    hint = next((f" {each}" for each in found if each), "")
    return TransportUnavailable(f"{unavailable}{hint}")


async def _ask(cluster: Cluster, host: str, port: int) -> TransportError | str | None:
    """Return a refusal, a hint, or None if there is nothing to say about this one."""
    security = cluster.security or _PLAIN
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(_SECONDS):
            connection = await create_conn(host, port, **security.settings())
            try:
                await connection.send(MetadataRequest([]))
            finally:
                connection.close()
    except (KafkaError, OSError, TimeoutError) as error:
        return _understood(error, security, where)
    return None


def _understood(
    error: Exception, security: KafkaSecurity, where: str
) -> TransportError | str | None:
    if isinstance(error, SaslAuthenticationFailed | AuthenticationFailedError):
        return TransportError(
            f"{where} refused user {security.username!r} with {security.mechanism}: wrong "
            f"password, no such user, or not with this mechanism. Check {USERNAME} and {PASSWORD}"
        )
    if isinstance(error, UnsupportedSaslMechanismError):
        return TransportError(
            f"{where} takes no logins with {security.mechanism}; say another with sasl="
        )
    if isinstance(error, IllegalSaslStateError):
        tls = "ssl" if security.tls else "plaintext"
        return TransportError(f"{where} takes no logins at all; say security={tls}")
    # What broke a connection that was open hangs below the library's own error.
    below = error if isinstance(error, ssl.SSLError) else error.__cause__
    if isinstance(below, ssl.SSLError):
        return TransportError(_about_tls(below, security, where))
    if isinstance(error, OSError) and not isinstance(error, ConnectionResetError | TimeoutError):
        return f"{where}: {error.strerror or error}."
    return (
        f"Something listens at {where} and does not answer {security.protocol}. "
        f"{_expectations(security)}"
    )


def _about_tls(error: ssl.SSLError, security: KafkaSecurity, where: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {where} is not trusted: {error.verify_message}. Name the file of "
            f"its authority with ca=, and the host as the certificate does"
        )
    said = error.reason or str(error)
    if "ALERT" not in said:  # not the broker's word: it said nothing that is TLS
        return f"{where} does not speak TLS ({said}); say security= without ssl"
    shown = security.certificate or "none"
    return (
        f"{where} broke off TLS ({said}): it wants a certificate of this client that it trusts, "
        f"in cert= and key=; it was shown {shown}"
    )


def _expectations(security: KafkaSecurity) -> str:
    """Return what to try, of what is not tried yet."""
    if not security.tls:
        login = "" if security.username is not None else ", or a login (security=sasl_ssl)"
        return f"Does the port expect TLS (security=ssl or sasl_ssl){login}?"
    if security.certificate is None:
        return "Does the port expect TLS at all, or a certificate of this client (cert=, key=)?"
    return f"Does the port expect TLS at all, and does it trust {security.certificate}?"
