"""Faust: an agent that counts into a table, which writes its changelog."""
# pyright: reportMissingImports=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false
# pyright: reportUnusedFunction=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false
# It is installed where this runs, which is not where it is checked.

import asyncio
import logging
import sys
import time
from typing import Any

import faust
from google.protobuf.wrappers_pb2 import BytesValue

_PARTITIONS = 8


async def main(bootstrap: str, mailbox: str, states: str, n: int) -> None:
    """Count, until all is counted."""
    del states  # its table has a changelog of its own
    app = faust.App(
        "frameworks",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        topic_partitions=_PARTITIONS,
        topic_replication_factor=1,
        web_enabled=False,
    )
    counts: Any = app.Table("counts", default=int, partitions=_PARTITIONS, key_type=bytes)
    topic = app.topic(mailbox, key_type=bytes, value_type=bytes, value_serializer="raw")
    done = asyncio.Event()
    began = left = 0.0

    @app.agent(topic)
    async def count(stream: Any) -> None:
        nonlocal left, began
        left = n
        async for key, value in stream.items():
            began = began or time.perf_counter()
            BytesValue.FromString(value)
            counts[key] += 1
            left -= 1
            if left <= 0:
                done.set()

    await app.start()
    await done.wait()
    took = time.perf_counter() - began
    sys.stdout.write(f"{took} {sum(counts.values())}\n")
    sys.stdout.flush()
    await app.stop()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    where, mail, kept, number = sys.argv[1:]
    asyncio.run(main(where, mail, kept, int(number)))
