"""Which cluster a transport URL means, and how to come in."""

import os

from ..actors import InvalidTransportURL
from ._kafka import Cluster, KafkaSecurity, security_from
from ._url import TransportURL, parse_transport
from .delivery import check_system_name


def cluster_of(url: TransportURL, security: KafkaSecurity | None) -> Cluster | None:
    """Return the cluster, or None for `memory://`.

    Args:
        url: Where.
        security: How to come in, when the program says so itself; None for what the URL and
            the environment say.

    Raises:
        InvalidTransportURL: The URL's security options do not fit together.
    """
    if url.bootstrap is None:
        return None
    return Cluster(url.bootstrap, security or security_from(url.security, os.environ))


def cluster_from_outside(
    url: str,
    security: KafkaSecurity | None,
    instead: str = "lives inside one process. Start one for several with: callboard broker",
) -> Cluster:
    """Return the cluster that somebody works on who is no node.

    Args:
        url: A `kafka://` URL.
        security: As `cluster_of` takes it.
        instead: For the error about `memory://`: why not, and what to do.

    Raises:
        InvalidTransportURL: Not a `kafka://` URL.
    """
    cluster = cluster_of(parse_transport(url), security)
    if cluster is None:
        raise InvalidTransportURL(f"got {url!r}; a memory:// broker {instead}")
    return cluster


def cluster_of_system(
    url: str, system: str, security: KafkaSecurity | None, instead: str
) -> Cluster:
    """Return the cluster of a system that somebody works on who is no node of it.

    Args:
        url: A `kafka://` URL.
        system: The system's name.
        security: As `cluster_of` takes it.
        instead: As `cluster_from_outside` takes it.

    Raises:
        InvalidTransportURL: Not a `kafka://` URL.
        ValueError: No name of a system.
    """
    cluster = cluster_from_outside(url, security, instead)
    check_system_name(system)
    return cluster
