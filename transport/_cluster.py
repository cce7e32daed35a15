"""Which cluster a transport URL means, and how to come in."""

import os

from ._kafka import Cluster, KafkaSecurity, security_from
from ._url import TransportURL


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
