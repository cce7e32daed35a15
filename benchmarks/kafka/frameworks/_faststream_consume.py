"""FastStream: a function for each message, or for each batch, acknowledged after it."""
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
from google.protobuf.wrappers_pb2 import BytesValue

_MOST = 1_000


async def main(bootstrap: str, topic: str, way: str, n: int) -> None:
    """Handle, until all is handled."""
    broker = KafkaBroker(bootstrap, logger=None)
    done = asyncio.Event()
    count = 0
    began = 0.0

    def handled(messages: int) -> None:
        nonlocal count, began
        began = began or time.perf_counter()
        count += messages
        if count >= n:
            done.set()

    how: dict[str, Any] = {
        "group_id": "frameworks",
        "auto_offset_reset": "earliest",
        "ack_policy": AckPolicy.NACK_ON_ERROR,
        "decoder": lambda message: message,
    }
    if way == "batch":

        @broker.subscriber(topic, batch=True, max_records=_MOST, **how)
        async def batch(message: Any) -> None:
            handled(
                sum(
                    len(BytesValue.FromString(each.value).value) > 0 for each in message.raw_message
                )
            )

    else:

        @broker.subscriber(topic, **how)
        async def single(message: Any) -> None:
            handled(len(BytesValue.FromString(message.raw_message.value).value) > 0)

    async with broker:
        await broker.start()
        await done.wait()
    sys.stdout.write(f"{time.perf_counter() - began} {count}\n")


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    where, mail, which, number = sys.argv[1:]
    asyncio.run(main(where, mail, which, int(number)))
