"""An answer that says of everything it was asked about that it went wrong."""

from typing import Any

from .wire import Api, Array, Body, ErrorCode, Structure


def refusal(api: Api, asked: Body, code: ErrorCode) -> Body:
    """Return the answer to a request in which every error code is this one.

    Requests and answers name the same things alike, so the answer's arrays are
    those of the request.
    """
    return _mirror(api.response, asked, code)


def _mirror(structure: Structure, asked: Body, code: ErrorCode) -> Body:
    answer: Body = {}
    for field in structure.fields:
        given: Any = asked.get(field.name)
        if field.name == "error_code":
            answer[field.name] = code
        elif isinstance(field.type, Array):
            of = field.type.of
            elements = given if isinstance(given, list) else []
            answer[field.name] = (
                [_element(of, element, code) for element in elements]
                if isinstance(of, Structure)
                else []
            )
        elif isinstance(given, (str, int)) and field.default is None:
            answer[field.name] = given
        elif field.default is None:
            answer[field.name] = _NOTHING.get(field.name, -1)
    return answer


def _element(structure: Structure, asked: Any, code: ErrorCode) -> Body:
    if isinstance(asked, dict):
        return _mirror(structure, asked, code)
    # A plain value stands for the element that bears it: a partition's index, a group's name.
    name = next(field.name for field in structure.fields if field.name != "error_code")
    return _mirror(structure, {name: asked}, code)


_NOTHING: dict[str, Any] = {
    "assignment": b"", "host": "", "member": "", "metadata": "", "protocol": "",
    "protocol_type": "", "state": "", "value": None, "error_message": None, "instance": None,
    "message": None, "records": b"", "cluster_id": None, "rack": None,
}  # fmt: skip
