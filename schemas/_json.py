"""Messages as JSON, as protobuf's own mapping has it."""

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message


def as_json(message: Message) -> str:
    """Return a message as JSON, with the names of its fields as its .proto file has them."""
    return MessageToJson(message, preserving_proto_field_name=True, indent=None)
