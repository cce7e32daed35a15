"""One client's connection: frames in, answers out, one request at a time and in order."""

import asyncio
import ssl
import struct
from collections.abc import Callable
from typing import Protocol

import structlog

from ._faults import (
    Delay,
    Disconnect,
    DropAnswer,
    DropRequest,
    Fail,
    Faults,
    Throttle,
    describe,
)
from ._frames import Request, encode, parse
from ._handlers import HANDLERS, Answer
from ._produce import RefusedUnheard
from ._refusal import refusal
from ._sasl import MAX_FRAME, Admission, Authenticator, Credentials
from ._state import BrokerState, Call
from ._tls import TlsFailed, TlsPipe
from .log import StorageFull
from .wire import Body, ErrorCode, MalformedRequest

_MAX_FRAME = 100 * 1024 * 1024
_LENGTH = struct.Struct(">i")
_AHEAD = 1024 * 1024
"""Bytes taken in of further requests while one waits for its answer."""
_HANDSHAKE = 10.0
"""Seconds a client may take to shake hands."""

_log = structlog.get_logger("callboard.broker")


class Surroundings(Protocol):
    """What a connection is part of."""

    @property
    def state(self) -> BrokerState:
        """What the broker knows."""
        ...

    @property
    def credentials(self) -> Credentials | None:
        """What logins are checked with; None if nobody has to log in."""
        ...

    @property
    def tls(self) -> ssl.SSLContext | None:
        """The server's side of TLS; None if it is not spoken."""
        ...

    @property
    def faults(self) -> Faults:
        """The control points."""
        ...

    def opened(self, connection: "Connection") -> bool:
        """Take note of a connection; False when there is no room for it."""
        ...

    def closed(self, connection: "Connection") -> None:
        """Take note that a connection is over."""
        ...

    def is_durable(self) -> bool:
        """Tell whether everything written so far is as safe as it was asked to be."""
        ...

    def when_durable(self, call: Callable[[], None]) -> None:
        """Call back when everything written so far is as safe as it was asked to be."""
        ...


class Connection(asyncio.Protocol):
    """Serves one client.

    There is no task: a request is answered where its last byte arrives, unless
    it waits for something. Meanwhile no other is looked at.

    Args:
        around: The broker.
        node: The broker id whose port the client came to.
    """

    def __init__(self, around: Surroundings, node: int) -> None:
        self.node = node
        self.client_id = ""
        self.last_heard = 0.0
        self.stalled_since: float | None = None
        self._around = around
        self._login = Authenticator(around.credentials)
        self._tls = None if around.tls is None else TlsPipe(around.tls)
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._owes = False
        self._reading = True
        self._waiting: asyncio.Future[Body] | None = None
        self._timer: asyncio.TimerHandle | None = None

    # -- asyncio.Protocol ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        name = transport.get_extra_info("peername")
        self._peer = str(name[0]) if isinstance(name, tuple) and name else ""
        self.last_heard = self._loop.time()
        if not self._around.opened(self):
            transport.abort()
        elif self._tls is not None:
            reason = f"no TLS handshake within {_HANDSHAKE:g} s"
            self._timer = self._loop.call_later(_HANDSHAKE, self.close, reason)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        del exc
        self._transport = None
        self._buffer.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._waiting is not None:
            self._waiting.cancel()
        self._around.closed(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self.last_heard = self._loop.time()
        self._buffer += data if self._tls is None else self._opened(self._tls, data)
        if not self._held:
            self._serve()
        elif len(self._buffer) > _AHEAD and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """See asyncio: the client does not read, so nothing more is done for it."""
        self.stalled_since = self._loop.time()

    def resume_writing(self) -> None:
        """See asyncio."""
        self.stalled_since = None
        if not self._owes:
            self._go_on()

    def close(self, reason: str | None = None) -> None:
        """Close the connection, with a line in the log if there is something to tell."""
        if self._transport is not None:
            if reason is not None:
                _log.warning("closed a connection", client=self._peer, reason=reason)
            self._transport.abort()

    def _opened(self, tls: TlsPipe, data: bytes) -> bytes:
        if self._transport is None:
            return b""
        was_ready = tls.ready
        try:
            said = tls.opened(data)
        except TlsFailed as error:
            self._transport.write(tls.pending())  # an alert, which tells the client why
            self.close(f"no TLS with this client: {error}")
            return b""
        if answer := tls.pending():
            self._transport.write(answer)
        if tls.ready and not was_ready and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if tls.ended:
            self.close()
        return said

    # -- requests -----------------------------------------------------------------------

    def _serve(self) -> None:
        while not self._held and self._transport is not None and len(self._buffer) >= 4:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if not 0 < length <= (_MAX_FRAME if self._login.done else MAX_FRAME):
                self.close(f"a frame of {length} bytes: this is not Kafka's protocol")
                return
            if len(self._buffer) < 4 + length:
                return
            frame = bytes(memoryview(self._buffer)[4 : 4 + length])
            del self._buffer[: 4 + length]
            self._take(frame)

    def _take(self, frame: bytes) -> None:
        if self._login.expects_bare_token:
            self._take_token(frame)
            return
        try:
            request = parse(frame)
        except MalformedRequest as error:
            self.close(str(error))
            return
        self.client_id = request.client_id
        admission = self._login.admits(request.api.key)
        if admission is not Admission.ADMITTED:
            self._turn_away(request, admission)
        elif request.body is not None and self._around.faults.concern(request.api.name):
            self._interfere(request)
        else:
            self._do(request)

    def _take_token(self, token: bytes) -> None:
        answer = self._login.authenticate(token).token
        refused = self._login.failure is not None
        self._write([] if refused else [_LENGTH.pack(len(answer)), answer])

    def _turn_away(self, request: Request, admission: Admission) -> None:
        reason = self._login.refuse(request.api.name)
        if admission is Admission.CLOSED:
            self.close(reason)
        else:
            asked = request.body or {}
            self._send(request, refusal(request.api, asked, ErrorCode.ILLEGAL_SASL_STATE))

    def _interfere(self, request: Request) -> None:
        api, body = request.api, request.body or {}
        info = describe(api.name, request.version, request.client_id, self.node, body)
        action = self._around.faults.decide(info)
        match action:
            case Fail(code):
                self._send(request, self._failed(request, code))
            case Delay(seconds):
                self._owes = True
                self._timer = self._loop.call_later(seconds, self._delayed, request)
            case Throttle(seconds):
                self._do(request, throttle=seconds)
            case DropAnswer(close):
                self._do(request, answer=False, close=close)
            case DropRequest():
                pass
            case Disconnect():
                self.close()
            case None:
                self._do(request)

    def _failed(self, request: Request, code: ErrorCode) -> Body | None:
        body = request.body or {}
        if request.api.name == "produce" and body["acks"] == 0:
            return None
        if request.api.name != "metadata":
            return refusal(request.api, body, code)
        answer = HANDLERS["metadata"](self._around.state, self._call(request), body)
        assert isinstance(answer, dict)
        answer["topics"] = [{"name": t["name"], "error_code": code} for t in answer["topics"]]
        return answer

    def _delayed(self, request: Request) -> None:
        self._timer = None
        self._owes = False
        self._do(request)
        if not self._owes:
            self._go_on()

    @property
    def waits(self) -> bool:
        """Whether an answer is still to be given."""
        return self._owes

    def _call(self, request: Request) -> Call:
        return Call(self.node, request.version, request.client_id, self._peer, self._login)

    def _do(
        self,
        request: Request,
        *,
        throttle: float = 0.0,
        answer: bool = True,
        close: bool = False,
    ) -> None:
        try:
            result = self._result(request)
        except RefusedUnheard:
            self.close()
            return

        def done(body: Body | None) -> None:
            if close:
                self.close()
            elif answer and body is not None:
                if throttle:
                    body["throttle_time_ms"] = int(throttle * 1000)
                self._send(request, body)

        if isinstance(result, asyncio.Future):
            if result.done():
                done(result.result())
                return
            self._owes = True
            self._waiting = result
            result.add_done_callback(lambda future: self._arrived(future, done))
        elif not self._around.is_durable():
            self._owes = True
            self._around.when_durable(lambda: self._durable(result, done))
        else:
            done(result)

    def _result(self, request: Request) -> Answer:
        asked = request.body or {}
        try:
            return HANDLERS[request.api.name](self._around.state, self._call(request), asked)
        except StorageFull:
            return refusal(request.api, asked, ErrorCode.KAFKA_STORAGE_ERROR)
        except RefusedUnheard:
            raise
        except Exception as error:  # a request must not take the others down with it
            _log.exception("a request failed", api=request.api.name, client=self._peer)
            raise RefusedUnheard from error

    def _arrived(self, future: "asyncio.Future[Body]", done: Callable[[Body | None], None]) -> None:
        self._waiting = None
        if not future.cancelled() and self._transport is not None:
            done(future.result())
            self._go_on()

    def _durable(self, body: Body | None, done: Callable[[Body | None], None]) -> None:
        if self._transport is not None:
            done(body)
            self._go_on()

    def _send(self, request: Request, body: Body | None) -> None:
        if self._transport is None or body is None:
            return
        version = request.version
        if request.body is None:
            # Version 0 with this code makes a newer client ask again, in words known here.
            body, version = {**body, "error_code": ErrorCode.UNSUPPORTED_VERSION}, 0
        self._write(encode(request.api, version, request.correlation, body))

    def _write(self, parts: list[bytes]) -> None:
        if self._login.failure is None:
            self._put(parts)
            return
        _log.warning(
            "refused a login",
            client=self._peer,
            client_id=self.client_id,
            mechanism=self._login.mechanism,
            reason=self._login.failure,
        )
        security = self._around.state.options.security
        assert security is not None
        self._timer = self._loop.call_later(security.failure_delay, self._part, parts)

    def _put(self, parts: list[bytes]) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._tls is None:
            # writelines() of some Pythons from 3.12 on forgets to tell of a full buffer, or never
            # gets done with an empty last part; and for small parts it takes longer.
            self._transport.write(b"".join(parts))
        else:
            self._tls.seal(parts)
            self._transport.write(self._tls.pending())

    def _part(self, last_words: list[bytes]) -> None:
        self._put(last_words)
        if self._transport is not None:
            if self._tls is not None:
                self._tls.end()
                self._transport.write(self._tls.pending())
            self._transport.close()

    @property
    def _held(self) -> bool:
        """Whether the next request has to wait: for an answer, or for the client to read.

        Where a login failed, it waits for the end.
        """
        refused = self._login.failure is not None
        return self._owes or self.stalled_since is not None or refused

    def _go_on(self) -> None:
        self._owes = False
        self._serve()
        if not self._held and not self._reading and self._transport is not None:
            self._reading = True
            self._transport.resume_reading()
