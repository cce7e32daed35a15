"""A worker pool: bounded mailboxes, a producer that feels them, and hashing in threads.

python examples/worker_pool.py
"""

import asyncio
import hashlib
import time
from dataclasses import dataclass

from callboard import (
    Actor,
    ActorRef,
    ActorSystem,
    LeastMail,
    MailboxOptions,
    Pool,
    Resize,
    blocking,
    handler,
)
from callboard.supervision import child


@dataclass(frozen=True)
class Page:
    """Something to work on."""

    number: int
    text: str


@dataclass(frozen=True)
class Digest:
    """What came of it."""

    page: int
    worker: str
    digest: str


class Hasher(Actor):
    """Hashes; that blocks, so it happens in a thread and the event loop goes on."""

    @handler
    @blocking
    def hash(self, message: str) -> str:
        """Block for a while."""
        time.sleep(0.01)
        return hashlib.sha256(message.encode()).hexdigest()


class Digester(Actor):
    """Has pages hashed by a child of its own."""

    def __init__(self, journal: ActorRef[Digest]) -> None:
        self.journal = journal

    async def started(self) -> None:
        """Have a hasher."""
        self.hasher = self.context.spawn(Hasher)

    @handler
    async def digest(self, message: Page) -> None:
        """Wait for the hash; meanwhile this mailbox fills, and the others' do not."""
        found = await self.hasher.ask(message.text, timeout=5.0, reply_type=str)
        self.journal.tell(Digest(message.number, self.context.path.name, found))


async def main(pages: int = 60) -> list[str]:
    """Send pages through a pool of two, then of six workers."""
    digests: list[Digest] = []
    all_done = asyncio.Event()

    class Journal(Actor):
        @handler
        def note(self, message: Digest) -> None:
            digests.append(message)
            if len(digests) == pages:
                all_done.set()

    async with ActorSystem("pool") as system:
        journal = system.spawn(Journal)
        worker = child(Digester, journal, name="digester", mailbox=MailboxOptions(2))
        pool = system.spawn(
            Pool, worker, 2, routing=LeastMail(), name="pool", mailbox=MailboxOptions(4)
        )
        began, waited = time.monotonic(), 0.0
        for number in range(pages):
            if number == pages // 2:
                await pool.send(Resize(6))
            before = time.monotonic()
            await pool.send(Page(number, f"page {number}"))  # waits while pool and workers are full
            waited += time.monotonic() - before
        await asyncio.wait_for(all_done.wait(), timeout=30.0)
        took = time.monotonic() - began
        done, workers = len({one.page for one in digests}), len({one.worker for one in digests})
        return [
            f"{done} pages by {workers} workers in {took:.2f} s",
            f"the producer waited {waited / took:.0%} of that: backpressure",
        ]


if __name__ == "__main__":
    print("\n".join(asyncio.run(main())))
