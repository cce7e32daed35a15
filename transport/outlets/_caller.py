"""Questions to a legacy service, and who waits for their answers."""

import asyncio
import itertools
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

from ..bridges import BridgeError, Destination, Dialogue, ForeignMessage, OutgoingMessage
from ._held import Held


class Caller:
    """Asks over one connection, which is opened by the first question.

    Args:
        destination: The service's queue.
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._held: Held[Dialogue] = Held(self._dialogue)
        self._asks: dict[str, asyncio.Future[ForeignMessage]] = {}
        self._run = secrets.token_hex(4)
        self._numbers = itertools.count()
        self._lost = False  # nobody listens for answers any more

    async def ask(self, question: OutgoingMessage, seconds: float) -> ForeignMessage:
        """Return the answer.

        Raises:
            TimeoutError: None came in time.
            BridgeError: The broker is not reached, or was lost; it may have the question.
        """
        if self._lost:
            self._lost = False
            await self._held.drop()
        correlation = f"{self._run}-{next(self._numbers)}"
        answer: asyncio.Future[ForeignMessage] = asyncio.get_running_loop().create_future()
        self._asks[correlation] = answer
        try:
            async with asyncio.timeout(seconds):
                dialogue = await self._held.get()
                headers = {
                    **question.headers,
                    "reply-to": dialogue.reply_to,
                    "correlation-id": correlation,
                }
                await dialogue.send([replace(question, headers=headers, expires=seconds)])
                return await answer
        except BridgeError:
            await self._held.drop()
            raise
        finally:
            self._asks.pop(correlation, None)
            answer.cancel()

    async def aclose(self) -> None:
        """Disconnect; who still waits gets a `BridgeError`."""
        await self._held.drop()

    @asynccontextmanager
    async def _dialogue(self) -> AsyncGenerator[Dialogue]:
        async with self._destination.dialogue() as dialogue:
            listening = asyncio.create_task(self._listen(dialogue), name="callboard-answers")
            try:
                yield dialogue
            finally:
                listening.cancel()
                await asyncio.wait([listening])
                self._fail(BridgeError(f"{self._destination.label}: the connection was closed"))

    async def _listen(self, dialogue: Dialogue) -> None:
        try:
            while True:
                for message in await dialogue.take():
                    answer = self._asks.get(message.headers.get("correlation-id", ""))
                    if answer is not None and not answer.done():
                        answer.set_result(message)
        except BridgeError as error:
            self._lost = True
            self._fail(error)

    def _fail(self, error: BridgeError) -> None:
        for answer in self._asks.values():
            if not answer.done():
                answer.set_exception(error)
