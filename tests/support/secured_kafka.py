"""One node of Apache Kafka that asks who is there, for the tests that compare."""

from collections.abc import Mapping
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from support.apache_kafka import ApacheKafka
from support.ports import free_ports

_LISTENER = "SASL_PLAINTEXT"
_SECONDS = 15.0


class SecuredKafka(ApacheKafka):
    """A node with a second listener, which takes SASL PLAIN and SCRAM without TLS.

    Args:
        users: Passwords by name, for every mechanism.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        prefix = f"listener.name.{_LISTENER.lower()}"
        module = "org.apache.kafka.common.security"
        passwords = " ".join(f'user_{name}="{password}"' for name, password in users.items())
        super().__init__(
            {
                "listener.security.protocol.map": (
                    f"CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,{_LISTENER}:{_LISTENER}"
                ),
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
                f"{prefix}.plain.sasl.jaas.config": (
                    f"{module}.plain.PlainLoginModule required {passwords};"
                ),
                **{
                    f"{prefix}.scram-sha-{bits}.sasl.jaas.config": (
                        f"{module}.scram.ScramLoginModule required;"
                    )
                    for bits in (256, 512)
                },
            },
            heap_megabytes=256,
        )
        self._users = dict(users)
        self._secured_port = 0

    @property
    def secured(self) -> str:
        """`host:port` of the listener that asks for a login; known once started."""
        assert self._secured_port, "start() comes first"
        return f"127.0.0.1:{self._secured_port}"

    def start(self) -> None:
        """Start, and tell it the SCRAM credentials, which it keeps in its metadata."""
        super().start()
        try:
            self._add_users()
        except BaseException:
            self.stop()
            raise

    def _add_users(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        # Kafka takes one mechanism of a user a request.
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            info = ScramCredentialInfo(mechanism, 4096)
            told = admin.alter_user_scram_credentials(
                [
                    UserScramCredentialUpsertion(name, info, password.encode())
                    for name, password in self._users.items()
                ],
                request_timeout=_SECONDS,
            )
            for each in told.values():
                each.result(_SECONDS)

    def _ports(self) -> tuple[int, int]:
        port, controller_port, self._secured_port = free_ports(3)  # all apart
        return port, controller_port

    def _properties(self, folder: Path, controller_port: int) -> str:
        first = f"listeners=PLAINTEXT://{self.bootstrap},"
        return (
            super()
            ._properties(folder, controller_port)
            .replace(first, f"{first}{_LISTENER}://{self.secured},")
        )
