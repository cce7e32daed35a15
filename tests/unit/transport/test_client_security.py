"""TLS and logins: what a URL, the environment and a program may say, and what mistakes are told."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import structlog
from support.secured_clients import make_pems

from callboard import ActorSystem, InvalidTransportURL
from callboard.transport import KafkaSecurity, create_transport, parse_transport
from callboard.transport._cluster import cluster_of
from callboard.transport._kafka import security_from

LOGIN = {"CALLBOARD_KAFKA_USERNAME": "bank", "CALLBOARD_KAFKA_PASSWORD": "hush-hush"}


def test_nothing_is_asked_for_without_options() -> None:
    """Plain TCP is the default, whatever the environment says."""
    assert security_from({}, LOGIN) is None


@pytest.mark.parametrize(
    ("options", "protocol", "mechanism"),
    [
        ({"security": "sasl_ssl"}, "SASL_SSL", "SCRAM-SHA-512"),
        ({"security": "SASL_SSL", "sasl": "plain"}, "SASL_SSL", "PLAIN"),
        (
            {"security": "sasl_plaintext", "sasl": "scram-sha-256"},
            "SASL_PLAINTEXT",
            "SCRAM-SHA-256",
        ),
    ],
)
def test_a_login_is_read(options: dict[str, str], protocol: str, mechanism: str) -> None:
    """What is no secret stands in the URL, user and password in the environment."""
    security = security_from(options, LOGIN)
    assert security is not None
    settings = security.settings()
    assert settings["security_protocol"] == protocol
    assert settings["sasl_mechanism"] == mechanism
    assert settings["sasl_plain_username"] == "bank"
    assert settings["sasl_plain_password"] == "hush-hush"
    assert ("ssl_context" in settings) == (protocol == "SASL_SSL")


def test_a_password_may_be_in_a_file(tmp_path: Path) -> None:
    """As container platforms mount secrets; the newline at the end is not part of it."""
    file = tmp_path / "password"
    file.write_text("from a file\n")
    environ = {"CALLBOARD_KAFKA_USERNAME": "bank", "CALLBOARD_KAFKA_PASSWORD_FILE": str(file)}
    security = security_from({"security": "sasl_ssl"}, environ)
    assert security is not None
    assert security.password == "from a file"


def test_certificates_are_loaded(tmp_path: Path) -> None:
    """Mutual TLS: an authority, a certificate and its key; no login."""
    pems = make_pems(tmp_path)
    options = {"security": "ssl", "ca": str(pems.authority), "cert": str(pems.client)}
    security = security_from(options, {})
    assert security is not None
    assert security.settings()["security_protocol"] == "SSL"
    assert security.settings()["ssl_context"] is security.settings()["ssl_context"]


@pytest.mark.parametrize(
    ("options", "environ", "says"),
    [
        ({"security": "tls"}, {}, "got security='tls'; expected plaintext, ssl"),
        ({"security": "sasl_ssl", "sasl": "gssapi"}, LOGIN, "got the SASL mechanism 'GSSAPI'"),
        ({"security": "ssl", "sasl": "plain"}, LOGIN, "sasl=plain needs security=sasl_ssl"),
        ({"sasl": "plain"}, LOGIN, "sasl=plain needs security=sasl_ssl"),
        ({"ca": "x.pem"}, {}, "ca: for TLS; say security=ssl"),
        ({"security": "sasl_plaintext", "ca": "x.pem"}, LOGIN, "ca=x.pem is for TLS"),
        ({"security": "ssl", "ca": "x.pem"}, {}, "ca=x.pem: there is no such file"),
        ({"security": "ssl", "verify": "maybe"}, {}, "got verify='maybe'; expected yes or no"),
        ({"verify": "no"}, {}, "verify: for TLS; say security=ssl"),
        ({"security": "sasl_plaintext", "verify": "no"}, LOGIN, "it goes with TLS"),
        ({"security": "ssl", "ca": __file__, "verify": "no"}, {}, "it goes with no ca="),
        ({"security": "sasl_ssl"}, {}, "CALLBOARD_KAFKA_USERNAME is not set"),
        (
            {"security": "sasl_ssl"},
            {"CALLBOARD_KAFKA_USERNAME": "bank"},
            "CALLBOARD_KAFKA_PASSWORD or CALLBOARD_KAFKA_PASSWORD_FILE is not set",
        ),
        (
            {"security": "sasl_ssl"},
            {"CALLBOARD_KAFKA_USERNAME": "b", "CALLBOARD_KAFKA_PASSWORD_FILE": "/not/there"},
            "CALLBOARD_KAFKA_PASSWORD_FILE=/not/there: No such file",
        ),
    ],
)
def test_what_does_not_fit_is_told(
    options: dict[str, str], environ: dict[str, str], says: str
) -> None:
    """What was given, what was expected."""
    with pytest.raises(InvalidTransportURL, match=says.replace("(", r"\(")):
        security_from(options, environ)


def test_files_that_hold_something_else_are_told(tmp_path: Path) -> None:
    """Which file, and what it should have been; noticed before anything connects."""
    pems = make_pems(tmp_path)
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("no certificate")
    with pytest.raises(InvalidTransportURL, match=r"nonsense\.pem holds no certificates"):
        KafkaSecurity(tls=True, ca=nonsense).settings()
    with pytest.raises(InvalidTransportURL, match="are no certificate and its private key"):
        KafkaSecurity(tls=True, certificate=pems.client, key=pems.stranger).settings()
    with pytest.raises(InvalidTransportURL, match="needs the certificate it belongs to"):
        KafkaSecurity(tls=True, key=pems.client)
    with pytest.raises(InvalidTransportURL, match="a user and a password"):
        KafkaSecurity(username="bank")
    nonsense.write_bytes(b"hush\xff")
    environ = {"CALLBOARD_KAFKA_USERNAME": "b", "CALLBOARD_KAFKA_PASSWORD_FILE": str(nonsense)}
    with pytest.raises(InvalidTransportURL, match=r"nonsense\.pem holds no UTF-8 text") as told:
        security_from({"security": "sasl_ssl"}, environ)
    # Not even in what a traceback or a tool that reports errors could get hold of.
    assert told.value.__cause__ is None


def test_a_path_may_be_a_string(tmp_path: Path) -> None:
    """As everywhere in Python."""
    pems = make_pems(tmp_path)
    security = KafkaSecurity(tls=True, ca=str(pems.authority), certificate=str(pems.client))
    assert security.settings()["security_protocol"] == "SSL"


def test_certificates_are_verified_unless_said_otherwise() -> None:
    """And who says otherwise is warned, once for all the clients of a node."""
    context = KafkaSecurity(tls=True).settings()["ssl_context"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    trusting = security_from({"security": "sasl_ssl", "verify": "no"}, LOGIN)
    assert trusting is not None
    with structlog.testing.capture_logs() as log:
        for _ in range(3):
            context = trusting.settings()["ssl_context"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)
    assert [line["log_level"] for line in log] == ["warning"]
    assert "certificate is not verified" in log[0]["event"]


def test_a_password_is_never_shown() -> None:
    """Neither by the options nor by what holds them."""
    security = KafkaSecurity(tls=True, username="bank", password="hush-hush", key_password="psst")
    cluster = cluster_of(parse_transport("kafka://a:1"), security)
    assert "hush" not in repr(cluster)
    assert "psst" not in repr(cluster)


@pytest.mark.parametrize(
    "url",
    [
        "kafka://bank:secret@a:1",
        "kafka://bank:se/secret@a:1",
        "kafka://bank:secret@a:1/topic",
        "kafka://a:1,bank:secret@b:1?acks=1",
        "kafk://bank:secret@a:1",
        "memory://bank:secret@a:1",
        "kafka://a:1?password=secret",
        "kafka://a:1/topic?password=secret",
        "kafka://a:0?security=ssl&password=secret",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    """Errors go to logs, and logs to many; also when the URL has another mistake first."""
    with pytest.raises(InvalidTransportURL, match=r"expected|takes nothing") as told:
        parse_transport(url)
    assert "secret" not in str(told.value)


def test_where_passwords_belong_is_told() -> None:
    """Neither before the host nor among the options, but in the environment."""
    for url in ("kafka://bank:secret@a:1", "kafka://a:1?password=secret"):
        with pytest.raises(InvalidTransportURL, match="set CALLBOARD_KAFKA_USERNAME and CALLB"):
            parse_transport(url)


def test_options_of_another_type_are_refused() -> None:
    """A dict is no DeliveryOptions, and a string no KafkaSecurity."""
    system = ActorSystem("t")
    refused: tuple[dict[str, Any], ...] = ({"options": {"max_in_flight": 1}}, {"security": "ssl"})
    for wrong in refused:
        with pytest.raises(TypeError, match=r"expected callboard\.transport\."):
            create_transport(
                system,
                "memory://",
                hosts=[],
                policy=system._policy,
                edges=system._edges(),
                **wrong,
            )
