"""FastStream: a batch handler that counts, writes the states and then acknowledges."""
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

from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from google.protobuf.wrappers_pb2 import BytesValue, Int64Value

_MOST = 1_000


async def main(bootstrap: str, mailbox: str, states: str, n: int) -> None:
    """Count, until all is counted and written."""
    broker = KafkaBroker(bootstrap, logger=None, enable_idempotence=True)
    counts: dict[bytes, Int64Value] = {}
    done = asyncio.Event()
    times: list[float] = []
    left = n

    @broker.subscriber(
        mailbox,
        group_id="frameworks",
        auto_offset_reset="earliest",
        batch=True,
        max_records=_MOST,
        ack_policy=AckPolicy.NACK_ON_ERROR,
        decoder=lambda message: message,
    )
    async def count(message: Any) -> None:
        nonlocal left
        changed: set[bytes] = set()
        for record in message.raw_message:
            BytesValue.FromString(record.value)
            counts.setdefault(record.key, Int64Value()).value += 1
            changed.add(record.key)
            left -= 1
        written = [
            await broker.publish(counts[key].SerializeToString(), states, key=key, no_confirm=True)
            for key in changed
        ]
        await asyncio.gather(*written)
        times.append(time.perf_counter())
        if left <= 0:
            done.set()

    async with broker:
        began = time.perf_counter()
        await broker.start()
        await done.wait()
    sys.stdout.write(f"{times[-1] - began} {sum(each.value for each in counts.values())}\n")


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    where, mail, kept, number = sys.argv[1:]
    asyncio.run(main(where, mail, kept, int(number)))
