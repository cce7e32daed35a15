"""Starting a client within a deadline, and leaving nothing open when it fails."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from ...actors import TransportError
from ._errors import no_broker
from ._security import PASSWORD, USERNAME, Cluster

_DIAGNOSIS = 3.0


class _Startable(Protocol):
    def start(self) -> Awaitable[None]: ...


async def start(
    client: _Startable, close: Callable[[], Awaitable[None]], cluster: Cluster, seconds: float
) -> None:
    """Start a client of the library.

    Args:
        client: What to start.
        close: Closes it; called when it did not start, also when cancelled.
        cluster: Where it connects to, for the error.
        seconds: How long it may take.

    Raises:
        TransportUnavailable: No broker answers.
        TransportError: One answers, and does not let this client in.
    """
    try:
        async with asyncio.timeout(seconds):
            await client.start()
    except (KafkaError, TimeoutError, OSError) as error:
        await close()
        raise await _reason(cluster, seconds) from error
    except BaseException:
        await close()
        raise


async def _reason(cluster: Cluster, seconds: float) -> TransportError:
    """Find out why a client did not start: the library logs the reason and raises another."""
    security = cluster.security
    unavailable = no_broker(cluster.bootstrap, seconds)
    if security is None:
        return unavailable
    host, _, port = cluster.bootstrap.split(",")[0].rpartition(":")
    settings = cluster.settings()
    del settings["bootstrap_servers"]
    where, words = f"{host}:{port}", ""
    try:
        async with asyncio.timeout(_DIAGNOSIS):
            connection = await create_conn(host, int(port), **settings)
            connection.close()
    except (SaslAuthenticationFailed, AuthenticationFailedError):
        words = (
            f"{where} refused user {security.username!r} with {security.mechanism}: wrong "
            f"password, no such user, or not with this mechanism. See {USERNAME} and {PASSWORD}"
        )
    except UnsupportedSaslMechanismError:
        words = f"{where} takes no logins with {security.mechanism}; say another with sasl="
    except ssl.SSLCertVerificationError as error:
        words = (
            f"the certificate of {where} is not trusted: {error.verify_message}. Name the file of "
            f"its authority with ca=, and the host as the certificate does"
        )
    except ssl.SSLError as error:
        words = (
            f"{where} does not speak TLS, or wants another certificate of this client (cert= and "
            f"key=): {error.reason or error}"
        )
    except (KafkaError, OSError, TimeoutError, ValueError) as error:
        hint = "Does the port expect TLS or a login, or neither?"
        said = str(error) or type(error).__name__
        return type(unavailable)(f"{unavailable} With {security.protocol}: {said}. {hint}")
    return TransportError(words) if words else unavailable
