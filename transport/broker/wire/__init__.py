"""Kafka's wire protocol, as far as this broker speaks it.

    _codes      error codes
    _schema     wire types, and structures of them that differ by version
    _api        what a kind of request is
    _apis_*     the requests, by concern
    _registry   all of them by key

No version here uses the compact encoding that came later.
"""

from ._api import Api
from ._codes import ErrorCode, MalformedRequest
from ._registry import API_VERSIONS, APIS
from ._schema import I16, I32, TEXT, Array, Body, Field, Reader, Structure

__all__ = [
    "APIS",
    "API_VERSIONS",
    "I16",
    "I32",
    "TEXT",
    "Api",
    "Array",
    "Body",
    "ErrorCode",
    "Field",
    "MalformedRequest",
    "Reader",
    "Structure",
]
