"""A message's fields, as JSON has them."""

from typing import Any


def fields_of(type_name: str, value: bytes) -> dict[str, Any] | None:
    """Return the fields of a protobuf message; None if its class is not known, or it is none."""
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415 - see the package

    from ..schemas import ProtobufDecodeError, TypeRegistry  # noqa: PLC0415 - see the package

    known = TypeRegistry().find(type_name)
    if known is None:
        return None
    try:
        return MessageToDict(known.FromString(value), preserving_proto_field_name=True)
    except ProtobufDecodeError:
        return None
