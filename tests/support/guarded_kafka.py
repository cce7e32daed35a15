"""One node of Apache Kafka where users may do only what they are allowed, and what they did."""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclBindingFilter, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from support.secured_clients import Pems
from support.tls_kafka import TlsKafka

_SECONDS = 15.0
_AUDIT = "kafka.authorizer.logger"
_LINE = re.compile(
    r"Principal = User:(?P<user>\S+) is (?P<verdict>Allowed|Denied) operation = (?P<operation>\w+) "
    r"from host = \S+ on resource = (?P<resource>\w+):LITERAL:(?P<name>\S+) for request"
)
# As Kafka's documents have it: whoever may do the first may do the second.
_IMPLIED = {
    "DESCRIBE": {"READ", "WRITE", "DELETE", "ALTER"},
    "DESCRIBE_CONFIGS": {"ALTER_CONFIGS"},
}


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did or wanted to do: an operation on one resource."""

    operation: str
    resource: str
    name: str


@dataclass(frozen=True, slots=True)
class Right:
    """One ACL: an operation on the resource of a name, or on all that begin with it."""

    operation: str
    resource: str
    name: str
    prefixed: bool

    def covers(self, deed: Deed) -> bool:
        """Tell whether it is about the resource of a deed."""
        if deed.resource != self.resource:
            return False
        return deed.name.startswith(self.name) if self.prefixed else deed.name == self.name


def needed(rights: Iterable[Right], deeds: Iterable[Deed]) -> set[Right]:
    """Return those of the rights without which a deed would have been denied."""
    found: set[Right] = set()
    for deed in deeds:
        about = [right for right in rights if right.covers(deed)]
        if not any(right.operation in _IMPLIED.get(deed.operation, ()) for right in about):
            found.update(right for right in about if right.operation == deed.operation)
    return found


class GuardedKafka(TlsKafka):
    """A node with an authorizer: what is not allowed is denied, but for its plain listener.

    Args:
        users: Passwords by name.
        pems: The broker's certificate and its authority.
    """

    def __init__(self, users: Mapping[str, str], pems: Pems) -> None:
        super().__init__(
            users,
            pems,
            {
                "authorizer.class.name": (
                    "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
                ),
                # Whoever comes without a login: the broker itself, and the one who gives rights.
                "super.users": "User:ANONYMOUS",
            },
        )
        self._java_options = (f"-Dorg.slf4j.simpleLogger.log.{_AUDIT}=debug",)

    def allow(self, user: str, rights: Iterable[Right]) -> None:
        """Give a user rights; in force when this returns."""
        bindings = {
            AclBinding(
                ResourceType[right.resource],
                right.name,
                ResourcePatternType.PREFIXED if right.prefixed else ResourcePatternType.LITERAL,
                f"User:{user}",
                "*",
                AclOperation[right.operation],
                AclPermissionType.ALLOW,
            )
            for right in rights
        }
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        for told in admin.create_acls(list(bindings), request_timeout=_SECONDS).values():
            told.result(_SECONDS)
        deadline = time.monotonic() + _SECONDS
        # The controller has taken them; the broker's own authorizer is told by and by.
        while not bindings <= set(_known(admin, user)):
            assert time.monotonic() < deadline, f"the rights of {user} do not come into force"
            time.sleep(0.05)

    def deeds(self, user: str, *, allowed: bool) -> set[Deed]:
        """Return what a user did, or was denied, by the authorizer's own log."""
        assert self._folder is not None, "start() comes first"
        said = (self._folder / "server.log").read_text(errors="replace")
        verdict = "Allowed" if allowed else "Denied"
        return {
            Deed(line["operation"], _snake(line["resource"]), line["name"])
            for line in _LINE.finditer(said)
            if (line["user"], line["verdict"]) == (user, verdict)
        }


def _known(admin: AdminClient, user: str) -> list[AclBinding]:
    whatever: Any = None  # the library takes it, and declares that it does not
    everything = AclBindingFilter(
        ResourceType.ANY,
        whatever,
        ResourcePatternType.ANY,
        f"User:{user}",
        whatever,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    found: list[AclBinding] = admin.describe_acls(everything).result(_SECONDS)
    return found


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()
