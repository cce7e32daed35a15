"""Certificates made for a test, and what clients of a secured broker have to be told."""

import ssl
from pathlib import Path
from typing import Any, NamedTuple

import trustme

from callboard.transport.broker import Security

USERS = {"alice": "alice-secret", "bob": "bob=secret,with:signs"}
LOGIN = {"username": "bob", "password": USERS["bob"]}
"""Whoever logs in; the signs are those that mechanisms have a use of their own for."""
MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
WAYS = [
    *(("SASL_PLAINTEXT", mechanism) for mechanism in MECHANISMS),
    *(("SASL_SSL", mechanism) for mechanism in MECHANISMS),
    ("SSL", None),
]
"""Every protocol that is not plain, with every mechanism it can have."""


class Pems(NamedTuple):
    """Files: an authority, the broker's certificate, a client's, and a stranger's."""

    authority: Path
    broker: Path
    client: Path
    stranger: Path


def make_pems(folder: Path) -> Pems:
    """Make certificates of two authorities; one of them is trusted."""
    authority, elsewhere = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    for name, issued in (
        ("broker", authority.issue_cert("localhost", "127.0.0.1")),
        ("client", authority.issue_cert("client.test")),
        ("stranger", elsewhere.issue_cert("client.test")),
    ):
        issued.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}.pem"))
    return Pems(*(folder / f"{name}.pem" for name in Pems._fields))


def trusting(pems: Pems, certificate: Path | None = None) -> ssl.SSLContext:
    """Return a client's side of TLS."""
    context = ssl.create_default_context(cafile=pems.authority)
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context


def aiokafka_options(
    protocol: str, mechanism: str | None, pems: Pems, login: dict[str, str] = LOGIN
) -> dict[str, Any]:
    """Return what aiokafka has to be told."""
    options: dict[str, Any] = {"security_protocol": protocol, "retry_backoff_ms": 20}
    if protocol.endswith("SSL"):
        options["ssl_context"] = trusting(pems)
    if mechanism is not None:
        options |= {"sasl_mechanism": mechanism}
        options |= {f"sasl_plain_{name}": value for name, value in login.items()}
    return options


def librdkafka_options(
    protocol: str, mechanism: str | None, pems: Pems, login: dict[str, str] = LOGIN
) -> dict[str, Any]:
    """Return what librdkafka has to be told."""
    options: dict[str, Any] = {"security.protocol": protocol, "log_level": 0}
    if protocol.endswith("SSL"):
        options["ssl.ca.location"] = str(pems.authority)
    if mechanism is not None:
        options |= {"sasl.mechanism": mechanism}
        options |= {f"sasl.{name}": value for name, value in login.items()}
    return options


def security_of(protocol: str, pems: Pems, **options: Any) -> Security:
    """Return the broker's side of a protocol."""
    if protocol.startswith("SASL"):
        options["users"] = USERS
    if protocol.endswith("SSL"):
        options["certificate"] = pems.broker
    return Security(**options)
