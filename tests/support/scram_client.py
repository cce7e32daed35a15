"""The client's side of SCRAM, which can be told to do it wrong."""

import base64
import hashlib
import hmac

_DIGESTS = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


class ScramClient:
    """One login.

    Args:
        mechanism: `SCRAM-SHA-256` or `SCRAM-SHA-512`.
        user: As it stands in the message: `,` and `=` already quoted.
        password: Proved, never sent.
        header: What the first message begins with.
        nonce: The client's half.
        extensions: What the first message ends with.
    """

    def __init__(
        self,
        mechanism: str,
        user: str,
        password: str,
        *,
        header: str = "n,,",
        nonce: str = "rOprNGfwEbeRWgbNEkqO",
        extensions: str = "",
    ) -> None:
        self._digest = _DIGESTS[mechanism]
        self._password = password
        self._header = header
        self._bare = f"n={user},r={nonce}{extensions}"
        self._expected = b""

    def first(self) -> bytes:
        """Return the first message."""
        return f"{self._header}{self._bare}".encode()

    def final(
        self,
        answer: bytes,
        *,
        channel: str | None = None,
        nonce: str | None = None,
        cut: int = 0,
    ) -> bytes:
        """Return the final message.

        Args:
            answer: What the server said to the first.
            channel: Sent for the header of the first message.
            nonce: Sent for the nonce of the server.
            cut: Bytes that the proof is too short.
        """
        said = dict(part.split("=", 1) for part in answer.decode().split(","))
        salted = hashlib.pbkdf2_hmac(
            self._digest, self._password.encode(), base64.b64decode(said["s"]), int(said["i"])
        )
        client_key = hmac.digest(salted, b"Client Key", self._digest)
        stored_key = hashlib.new(self._digest, client_key).digest()
        channel = channel or base64.b64encode(self._header.encode()).decode()
        unproved = f"c={channel},r={nonce or said['r']}"
        everything = b",".join([self._bare.encode(), answer, unproved.encode()])
        signature = hmac.digest(stored_key, everything, self._digest)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        server_key = hmac.digest(salted, b"Server Key", self._digest)
        self._expected = hmac.digest(server_key, everything, self._digest)
        return f"{unproved},p={base64.b64encode(proof[: len(proof) - cut]).decode()}".encode()

    def believes(self, answer: bytes) -> bool:
        """Tell whether the server has proved that it knows the user."""
        return answer == b"v=" + base64.b64encode(self._expected)
