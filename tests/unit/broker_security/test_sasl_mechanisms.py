"""Logins without a socket: what each mechanism takes, and what it refuses with which words."""

import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scram_client import ScramClient

from callboard.transport.broker._sasl import (
    MECHANISMS,
    Admission,
    Authenticator,
    Credentials,
    LoginAnswer,
)
from callboard.transport.broker._scram import Scram, ScramKeys
from callboard.transport.broker.wire import ErrorCode

USERS = {"alice": "alice-secret", "b,o=b": "päss,word=1"}
SCRAM = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
API_VERSIONS, METADATA, HANDSHAKE, AUTHENTICATE = 18, 3, 17, 36


def _entropy() -> Any:
    """Return a source of bytes that never repeats, and is the same in every run."""
    count = 0

    def more(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_128(str(count).encode()).digest(size)

    return more


CREDENTIALS = Credentials(USERS, MECHANISMS, _entropy())


def chosen(mechanism: str, credentials: Credentials = CREDENTIALS) -> Authenticator:
    """Return an authenticator that waits for the first token."""
    login = Authenticator(credentials)
    assert login.handshake(mechanism, 1)[0] == ErrorCode.NONE
    return login


def refused(login: Authenticator, token: bytes) -> LoginAnswer:
    """Send a token that must be refused; check that nothing is left open by it."""
    answer = login.authenticate(token)
    assert answer.code == ErrorCode.SASL_AUTHENTICATION_FAILED
    assert answer.token == b""
    assert not login.done
    assert login.principal is None
    assert login.failure is not None
    assert {login.admits(key) for key in (AUTHENTICATE, HANDSHAKE, METADATA)} == {Admission.CLOSED}
    return answer


# -- PLAIN ------------------------------------------------------------------------------


@pytest.mark.parametrize("acting_as", ["", "b,o=b"])
def test_plain_takes_the_right_password(acting_as: str) -> None:
    """One token is enough; a client may name itself as who it acts as."""
    login = chosen("PLAIN")
    answer = login.authenticate(f"{acting_as}\0b,o=b\0päss,word=1".encode())
    assert answer == (ErrorCode.NONE, "", b"")
    assert (login.done, login.principal) == (True, "b,o=b")


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (b"\0alice\0wrong", "Authentication failed: Invalid username or password"),
        (b"\0nobody\0alice-secret", "Authentication failed: Invalid username or password"),
        (b"\0\xff\0\xff", "Authentication failed: Invalid username or password"),
        (b"\0alice\0alice-secret\0x", "Invalid SASL/PLAIN response: expected 3 tokens, got 4"),
        (b"alice\0alice-secret", "Invalid SASL/PLAIN response: expected 3 tokens, got 2"),
        (b"", "Invalid SASL/PLAIN response: expected 3 tokens, got 1"),
        (b"\0\0alice-secret", "Authentication failed: username not specified"),
        (b"\0alice\0", "Authentication failed: password not specified"),
        (
            b"root\0alice\0alice-secret",
            (
                "Authentication failed: Client requested an authorization id "
                "that is different from username"
            ),
        ),
    ],
)
def test_plain_refuses_in_the_words_of_kafka(token: bytes, message: str) -> None:
    """Each way to get it wrong has its message, and none tells whether the user exists."""
    assert refused(chosen("PLAIN"), token).message == message


# -- SCRAM ------------------------------------------------------------------------------


def test_scram_agrees_with_the_example_of_its_rfc() -> None:
    """The exchange in RFC 7677 comes out byte for byte."""
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    keys = ScramKeys.derive("sha256", "pencil", salt, 4096)
    server = Scram("sha256", {"user": keys}, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    assert (
        server.answer(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
        == b"r=" + nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    proof = b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert (
        server.answer(b"c=biws,r=" + nonce + b",p=" + proof)
        == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    )
    assert server.user == "user"


@pytest.mark.parametrize("mechanism", SCRAM)
@pytest.mark.parametrize(
    ("options", "user"),
    [
        ({"user": "alice", "password": "alice-secret"}, "alice"),
        ({"user": "b=2Co=3Db", "password": "päss,word=1"}, "b,o=b"),
        ({"user": "alice", "password": "alice-secret", "header": "n,a=alice,"}, "alice"),
        ({"user": "alice", "password": "alice-secret", "extensions": ",x=y"}, "alice"),
        ({"user": "alice", "password": "alice-secret", "extensions": ",tokenauth=false"}, "alice"),
    ],
)
def test_scram_takes_a_proof_and_gives_one(
    mechanism: str, options: dict[str, str], user: str
) -> None:
    """Two tokens; afterwards each side knows that the other has the password."""
    login, client = chosen(mechanism), ScramClient(mechanism, **options)
    first = login.authenticate(client.first())
    assert (first.code, first.message, login.done) == (ErrorCode.NONE, "", False)
    last = login.authenticate(client.final(first.token))
    assert last.code == ErrorCode.NONE
    assert client.believes(last.token)
    assert (login.done, login.principal) == (True, user)


def _generic(mechanism: str) -> str:
    return (
        "Authentication failed during authentication due to invalid credentials "
        f"with SASL mechanism {mechanism}"
    )


@pytest.mark.parametrize("mechanism", SCRAM)
@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"\xff\xfe",
        b"hello",
        b"n,,n=nobody,r=abc",
        b"n,,n=alice,r=",
        b"n,,n=alice,r=a b",
        b"n,,n=a=lice,r=abc",
        b"n,,n=alice,r=abc,tokenauth=true",
        b"n,,m=must,n=alice,r=abc",
        b"y,,n=alice,r=abc",
        b"p=tls-unique,,n=alice,r=abc",
        "n,,n=älice,r=abc".encode(),
        b"n,,n=alice,r=abc\n",
    ],
)
def test_a_first_message_is_refused_without_details(mechanism: str, token: bytes) -> None:
    """Unknown users, broken messages, channel binding: all are told the same."""
    assert refused(chosen(mechanism), token).message == _generic(mechanism)


@pytest.mark.parametrize("mechanism", SCRAM)
@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "rOprNGfwEbeRWgbNEkqO"},
        {"nonce": "somebody-elses"},
        {"channel": "eSws"},
        {"channel": "A"},
        {"cut": 1},
    ],
)
def test_a_final_message_is_refused_without_details(mechanism: str, wrong: dict[str, Any]) -> None:
    """A foreign nonce, a channel that was not agreed on, a short proof: all are told the same."""
    login, client = chosen(mechanism), ScramClient(mechanism, "alice", "alice-secret")
    first = login.authenticate(client.first()).token
    assert refused(login, client.final(first, **wrong)).message == _generic(mechanism)


@pytest.mark.parametrize("token", [b"", b"hello", b"n,,n=alice,r=abc", b"c=biws,r=x,p=!"])
def test_a_broken_final_message_is_refused(token: bytes) -> None:
    """After the first message only a final one will do, and not the first again."""
    login, client = chosen(SCRAM[0]), ScramClient(SCRAM[0], "alice", "alice-secret")
    login.authenticate(client.first())
    assert refused(login, token).message == _generic(SCRAM[0])


@pytest.mark.parametrize("mechanism", SCRAM)
def test_a_wrong_password_proves_nothing(mechanism: str) -> None:
    """The proof is what is checked, so the refusal comes with the second token."""
    login, client = chosen(mechanism), ScramClient(mechanism, "alice", "alice-Secret")
    first = login.authenticate(client.first())
    assert first.code == ErrorCode.NONE
    assert refused(login, client.final(first.token)).message == _generic(mechanism)


def test_a_recorded_login_cannot_be_played_back() -> None:
    """The server's half of the nonce is new each time, so an old proof proves nothing."""
    client = ScramClient(SCRAM[0], "alice", "alice-secret")
    heard, replayed = chosen(SCRAM[0]), chosen(SCRAM[0])
    final = client.final(heard.authenticate(client.first()).token)
    assert heard.authenticate(final).code == ErrorCode.NONE
    replayed.authenticate(client.first())
    refused(replayed, final)


def test_acting_as_somebody_else_is_refused_by_name() -> None:
    """This one refusal is not about credentials, and Kafka says so."""
    client = ScramClient(SCRAM[0], "alice", "alice-secret", header="n,a=root,")
    assert "authorization id" in refused(chosen(SCRAM[0]), client.first()).message


def test_equal_passwords_have_different_keys() -> None:
    """Users are salted apart."""
    both = Credentials({"a": "same", "b": "same"}, SCRAM[:1], _entropy())
    keys = both._scram[SCRAM[0]]
    assert keys["a"].stored_key != keys["b"].stored_key


# -- the way there ----------------------------------------------------------------------


def test_only_what_leads_to_a_login_is_admitted() -> None:
    """First versions and a handshake, then tokens, and everything once it is known who it is."""
    login = Authenticator(CREDENTIALS)
    kinds = (API_VERSIONS, HANDSHAKE, AUTHENTICATE, METADATA)
    yes, no, shut = Admission.ADMITTED, Admission.REFUSED, Admission.CLOSED
    assert [login.admits(kind) for kind in kinds] == [yes, yes, shut, shut]
    login.handshake("PLAIN", 1)
    assert [login.admits(kind) for kind in kinds] == [no, no, yes, no]
    login.authenticate(b"\0alice\0alice-secret")
    assert [login.admits(kind) for kind in kinds] == [yes] * 4


def test_an_unknown_mechanism_is_told_the_known_ones() -> None:
    """The handshake fails with the list of what is enabled, and that is the end."""
    login = Authenticator(Credentials(USERS, ["SCRAM-SHA-512", "PLAIN"], _entropy()))
    code, enabled = login.handshake("SCRAM-SHA-256", 1)
    assert code == ErrorCode.UNSUPPORTED_SASL_MECHANISM
    assert enabled == ["SCRAM-SHA-512", "PLAIN"]
    assert login.failure is not None
    assert login.handshake("PLAIN", 1)[0] == ErrorCode.ILLEGAL_SASL_STATE


def test_tokens_come_bare_after_the_oldest_handshake() -> None:
    """Version 0 has no request for tokens: they are frames of their own until the login ends."""
    login = Authenticator(CREDENTIALS)
    login.handshake("PLAIN", 0)
    assert login.expects_bare_token
    login.authenticate(b"\0alice\0alice-secret")
    assert (login.expects_bare_token, login.done) == (False, True)


@pytest.mark.parametrize("credentials", [None, CREDENTIALS])
def test_a_second_login_is_an_illegal_state(credentials: Credentials | None) -> None:
    """Who is in, by a login or because nobody asks, gets code 34 and stays in."""
    login = Authenticator(credentials)
    if credentials is not None:
        login.handshake("PLAIN", 1)
        login.authenticate(b"\0alice\0alice-secret")
    assert login.handshake("PLAIN", 1) == (ErrorCode.ILLEGAL_SASL_STATE, [])
    answer = login.authenticate(b"\0alice\0wrong")
    assert answer.code == ErrorCode.ILLEGAL_SASL_STATE
    assert answer.message == "SaslAuthenticate request received after successful authentication"
    assert (login.done, login.failure) == (True, None)


@given(
    st.sampled_from(MECHANISMS),
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from([b"n,,n=alice,r=x", b"c=biws,r=x,p=YQ==", b"\0alice\0no"]),
        ),
        max_size=4,
    ),
)
def test_no_token_breaks_a_login_or_gets_in(mechanism: str, tokens: list[bytes]) -> None:
    """Whatever a client without a password sends is answered, and it stays outside."""
    login = chosen(mechanism)
    for token in tokens:
        assert login.authenticate(token).code in {
            ErrorCode.NONE,
            ErrorCode.SASL_AUTHENTICATION_FAILED,
            ErrorCode.ILLEGAL_SASL_STATE,
        }
    assert not login.done


def test_no_password_is_kept() -> None:
    """Nothing reachable from the credentials shows a password, nor what would replace one."""

    def everything(of: Any, seen: set[int]) -> str:
        if id(of) in seen:
            return ""
        seen.add(id(of))
        parts: list[Any] = []
        if isinstance(of, dict):
            parts = [*of.keys(), *of.values()]
        elif isinstance(of, (list, tuple)):
            parts = list(of)
        elif isinstance(of, (Credentials, Authenticator)):
            parts = list(vars(of).values())
        return repr(of) + "".join(everything(part, seen) for part in parts)

    login = chosen("PLAIN")
    refused(login, b"\0alice\0a-typed-secret")
    shown = everything(CREDENTIALS, set()) + everything(login, set())
    for password in (*USERS.values(), "a-typed-secret"):
        assert password not in shown
    keys = CREDENTIALS._scram["SCRAM-SHA-256"]["alice"]
    assert repr(keys.stored_key) not in repr(keys)
    assert repr(keys.server_key) not in repr(keys)
