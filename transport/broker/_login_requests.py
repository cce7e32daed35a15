"""Requests with which a client says who it is."""

from ._state import BrokerState, Call
from .wire import Body


def sasl_handshake(_state: BrokerState, call: Call, body: Body) -> Body:
    """Let the client choose a mechanism."""
    code, enabled = call.login.handshake(body["mechanism"] or "", call.version)
    return {"error_code": code, "mechanisms": enabled}


def sasl_authenticate(_state: BrokerState, call: Call, body: Body) -> Body:
    """Take the client's next token of the mechanism it chose."""
    answer = call.login.authenticate(body["token"] or b"")
    return {"error_code": answer.code, "error_message": answer.message, "token": answer.token}
