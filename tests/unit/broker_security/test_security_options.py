"""Security options: what goes together, and what each mistake is told."""

import os
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from callboard.transport.broker._security import Security, SecurityError, read_users

USERS = {"alice": "alice-secret"}


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files: an authority, a certificate with its key, apart and together, and another key."""
    folder = tmp_path_factory.mktemp("pems")
    authority = trustme.CA()
    issued, other = authority.issue_cert("localhost"), authority.issue_cert("other")
    contents = {
        "ca": authority.cert_pem.bytes(),
        "cert": issued.cert_chain_pems[0].bytes(),
        "key": issued.private_key_pem.bytes(),
        "both": issued.private_key_and_cert_chain_pem.bytes(),
        "other": other.private_key_pem.bytes(),
        "locked": load_pem_private_key(issued.private_key_pem.bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass phrase")
        ),
        "junk": b"this is no certificate",
    }
    for name, content in contents.items():
        (folder / f"{name}.pem").write_bytes(content)
    return {name: folder / f"{name}.pem" for name in contents}


def test_the_protocol_follows_from_what_is_given(pems: dict[str, Path]) -> None:
    """Users stand for SASL, a certificate for SSL."""
    assert Security(users=USERS).protocol == "SASL_PLAINTEXT"
    assert Security(certificate=pems["both"]).protocol == "SSL"
    assert Security(users=USERS, certificate=pems["both"]).protocol == "SASL_SSL"


def test_no_password_is_shown() -> None:
    """Neither the options nor an error about them shows a password."""
    assert "alice-secret" not in repr(Security(users=USERS))
    with pytest.raises(SecurityError) as refused:
        Security(users={"zoë": "zoes-secret"})
    assert "zoes-secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "secures nothing"),
        ({"users": {"": "x"}}, "printable ASCII"),
        ({"users": {"zoë": "x"}}, "printable ASCII"),
        ({"users": {"a\0": "x"}}, "printable ASCII"),
        ({"users": {"alice": ""}}, "'alice' needs a password"),
        ({"users": {"alice": "a\0b"}}, "'alice' needs a password"),
        ({"users": USERS, "mechanisms": ()}, "expected some of PLAIN, SCRAM-SHA-256"),
        ({"users": USERS, "mechanisms": ("GSSAPI",)}, r"\['GSSAPI'\]; expected some of PLAIN"),
        ({"users": USERS, "key": Path("k")}, "key is for TLS"),
        ({"users": USERS, "client_ca": Path("c")}, "client_ca is for TLS"),
        ({"users": USERS, "iterations": 4095}, "fewer than 4096"),
        ({"users": USERS, "failure_delay": -1}, "failure_delay=-1"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], said: str) -> None:
    """A mistake is told at once, with what would be right."""
    with pytest.raises(SecurityError, match=said):
        Security(**options)


def test_a_certificate_and_its_key_make_a_context(pems: dict[str, Path]) -> None:
    """In two files or in one; nothing older than TLS 1.2, and no certificate asked of clients."""
    for security in (
        Security(certificate=pems["cert"], key=pems["key"]),
        Security(certificate=pems["both"]),
    ):
        context = security.server_context()
        assert context is not None
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.verify_mode == ssl.CERT_NONE
    assert Security(users=USERS).server_context() is None


def test_an_authority_makes_clients_show_a_certificate(pems: dict[str, Path]) -> None:
    """With `client_ca` a client without a certificate is refused."""
    context = Security(certificate=pems["both"], client_ca=pems["ca"]).server_context()
    assert context is not None
    assert context.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"certificate": "missing"}, "cannot read .*missing.pem: No such file"),
        ({"certificate": "cert", "key": "missing"}, "cannot read .*missing.pem"),
        (
            {"certificate": "cert"},
            "no certificate in .*cert.pem with its private key in .*cert.pem",
        ),
        ({"certificate": "cert", "key": "other"}, "KEY_VALUES_MISMATCH"),
        ({"certificate": "junk", "key": "key"}, "no certificate in .*junk.pem"),
        ({"certificate": "cert", "key": "locked"}, "locked.pem is encrypted"),
        ({"certificate": "both", "client_ca": "missing"}, "cannot read .*missing.pem"),
        ({"certificate": "both", "client_ca": "junk"}, "junk.pem is not a PEM file"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    pems: dict[str, Path], options: dict[str, str], said: str
) -> None:
    """A broker does not start with a certificate that no client could use."""
    missing = pems["ca"].with_name("missing.pem")
    given: dict[str, Any] = {name: pems.get(file, missing) for name, file in options.items()}
    with pytest.raises(SecurityError, match=said):
        Security(**given).server_context()


# -- the file of users ----------------------------------------------------------------------


def _file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "users"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_file_of_users_has_one_a_line(tmp_path: Path) -> None:
    """The password is everything behind the first colon, spaces and colons included."""
    content = "# who may come in\n\nalice:alice-secret\r\nbob: with : colons \ncarol:grüße"
    assert read_users(_file(tmp_path, content.encode())) == {
        "alice": "alice-secret",
        "bob": " with : colons ",
        "carol": "grüße",
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"alice:s3cret\njust-s3cret\n", "line 2: expected name:password"),
        (b"alice:s3cret\n:s3cret\n", "line 2: a user's name is"),
        (b"alice:s3cret\nbob:\n", "line 2: the user 'bob' needs a password"),
        (b"alice:s3cret\nalice:s3cret\n", "line 2: the user 'alice' is there twice"),
        (b"# alice:s3cret\n", "has no users in it"),
        (b"alice:s3cret\xff\n", "is not UTF-8"),
    ],
)
def test_a_line_that_is_no_user_is_named_by_its_number(
    tmp_path: Path, content: bytes, said: str
) -> None:
    """What stands in the line may be a password, so the message does not repeat it."""
    with pytest.raises(SecurityError, match=said) as refused:
        read_users(_file(tmp_path, content))
    assert "s3cret" not in str(refused.value)


def test_a_file_of_users_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The message has the path and the system's reason."""
    with pytest.raises(SecurityError, match=r"cannot read .*users: No such file"):
        read_users(tmp_path / "users")


@pytest.mark.skipif(os.name != "posix", reason="the modes of files are POSIX's")
@pytest.mark.parametrize(("mode", "taken"), [(0o600, True), (0o640, True), (0o604, False)])
def test_a_file_that_everybody_may_read_is_refused(
    tmp_path: Path, *, mode: int, taken: bool
) -> None:
    """Owner and group may read it; for all others the message has the command that shuts it."""
    path = _file(tmp_path, b"alice:alice-secret\n", mode)
    if taken:
        assert read_users(path) == {"alice": "alice-secret"}
    else:
        with pytest.raises(SecurityError, match="chmod o= "):
            read_users(path)
