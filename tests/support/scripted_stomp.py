"""A server that speaks as much STOMP as it takes to confirm a subscription, or not to."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

_CONNECTED = b"CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\x00"


@asynccontextmanager
async def scripted_stomp(confirms: Sequence[bool]) -> AsyncGenerator[tuple[int, list[str]]]:
    """Give its port, and the commands it has had.

    Args:
        confirms: For each connection, whether it confirms a subscription there before it closes
            the connection. Those beyond are kept open, and given nothing they do not ask for.
    """
    had: list[str] = []
    script = iter(confirms)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        part = next(script, None)
        try:
            while frame := (await reader.readuntil(b"\x00")).decode().strip("\n\x00"):
                command, *headers = frame.split("\n\n")[0].split("\n")
                had.append(command)
                if command in {"CONNECT", "STOMP"}:
                    writer.write(_CONNECTED)
                    continue
                receipt = dict(each.split(":", 1) for each in headers).get("receipt")
                if receipt is not None and part is not False:
                    writer.write(f"RECEIPT\nreceipt-id:{receipt}\n\n\0".encode())
                if command == "SUBSCRIBE" and part is not None:
                    await writer.drain()
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], had
    finally:
        server.close()
