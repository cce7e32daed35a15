"""One node of Apache Kafka with TLS: logins over it, and certificates of clients."""

from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from support.ports import free_ports
from support.secured_clients import Pems
from support.secured_kafka import SecuredKafka

_LISTENERS = ("SASL_SSL", "SSL")


class TlsKafka(SecuredKafka):
    """A node that also has a listener for logins over TLS, and one that wants a certificate.

    Args:
        users: Passwords by name, for every mechanism.
        pems: The broker's certificate, and the authority that signed its clients'.
        settings: Further settings of the broker.
    """

    def __init__(
        self, users: Mapping[str, str], pems: Pems, settings: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(users)
        store = _as_java_reads_it(pems.broker)
        login = "listener.name.sasl_plaintext"
        self._settings |= {
            "listener.security.protocol.map": (
                "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,"
                "SASL_SSL:SASL_SSL,SSL:SSL"
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(pems.authority),
            "listener.name.ssl.ssl.client.auth": "required",
            **{
                name.replace(login, "listener.name.sasl_ssl"): value
                for name, value in self._settings.items()
                if name.startswith(login)
            },
            **(settings or {}),
        }
        self._tls_ports: dict[str, int] = {}

    def at(self, listener: str) -> str:
        """Return `host:port` of a listener; known once started."""
        assert self._tls_ports, "start() comes first"
        return f"localhost:{self._tls_ports[listener]}"

    def _ports(self) -> tuple[int, int]:
        port, controller, self._secured_port, *others = free_ports(5)
        self._tls_ports = dict(zip(_LISTENERS, others, strict=True))
        return port, controller

    def _properties(self, folder: Path, controller_port: int) -> str:
        first = f"listeners=PLAINTEXT://{self.bootstrap},"
        more = "".join(f"{name}://{self.at(name)}," for name in _LISTENERS)
        return super()._properties(folder, controller_port).replace(first, f"{first}{more}")


def _as_java_reads_it(pem: Path) -> Path:
    """Write the key as PKCS#8, the only form Java reads, with the certificates behind it."""
    content = pem.read_bytes()
    key = serialization.load_pem_private_key(content, password=None)
    whole = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    store = pem.with_suffix(".store.pem")
    store.write_bytes(whole + content[content.index(b"-----BEGIN CERTIFICATE") :])
    return store
