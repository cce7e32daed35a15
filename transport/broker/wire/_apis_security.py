"""Requests with which a client says who it is: versions and structures."""

from ._api import ERROR, Api
from ._schema import BLOB, I64, TEXT, Array, Field, Structure

SASL_HANDSHAKE = Api(
    17, "sasl_handshake", 0, 1,
    Structure(Field("mechanism", TEXT)),
    Structure(ERROR, Field("mechanisms", Array(TEXT), default=())),
)  # fmt: skip

SASL_AUTHENTICATE = Api(
    36, "sasl_authenticate", 0, 1,
    Structure(Field("token", BLOB)),
    Structure(
        ERROR, Field("error_message", TEXT), Field("token", BLOB, default=b""),
        Field("session_lifetime_ms", I64, 1, default=0),
    ),
)  # fmt: skip
