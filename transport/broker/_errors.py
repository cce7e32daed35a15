"""What the broker itself raises."""


class BrokerError(Exception):
    """The broker cannot do what it was told to."""


class PortInUse(BrokerError):  # noqa: N818 the sentence says it
    """Another program listens on the port already."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"port {port} on {host} is in use by another program. "
            f"Choose another one, as in: callboard broker --port {port + 1}"
        )
        self.host = host
        self.port = port
