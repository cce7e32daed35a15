"""TLS and logins: what a URL, the environment and a program may say, and what mistakes are told."""

from pathlib import Path

import pytest
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


def test_a_password_is_never_shown() -> None:
    """Neither by the options nor by what holds them; a URL that carries one is refused."""
    security = KafkaSecurity(tls=True, username="bank", password="hush-hush", key_password="psst")
    cluster = cluster_of(parse_transport("kafka://a:1"), security)
    assert "hush" not in repr(cluster)
    assert "psst" not in repr(cluster)
    with pytest.raises(InvalidTransportURL, match="CALLBOARD_KAFKA_PASSWORD"):
        parse_transport("kafka://bank:secret@a:1")


def test_options_of_another_type_are_refused() -> None:
    """A dict is no DeliveryOptions, and a string no KafkaSecurity."""
    system = ActorSystem("t")
    for wrong in ({"options": {"max_in_flight": 1}}, {"security": "ssl"}):
        with pytest.raises(TypeError, match=r"expected callboard\.transport\."):
            create_transport(system, "memory://", hosts=[], policy=system._policy, **wrong)
