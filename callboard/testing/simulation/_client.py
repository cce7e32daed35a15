"""What aiokafka needs to live in virtual time and to do the same thing twice.

Its files are not touched. For the length of a run, a few of its functions are replaced:

- `BatchBuilder.append`: a record without a time gets one from `time.time`, which shows virtual
  time; the compiled builder underneath asks the system.
- the number in the name of a producer without a client id begins at 1 in each run.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder


@contextmanager
def steady_client() -> Generator[None]:
    """Replace them, and put them back."""
    append = BatchBuilder.append

    def timed(self: Any, *, timestamp: int | None, **rest: Any) -> Any:
        if timestamp is None:
            timestamp = int(time.time() * 1000)
        return append(self, timestamp=timestamp, **rest)

    producers: Any = AIOKafkaProducer
    numbered = producers._PRODUCER_CLIENT_ID_SEQUENCE  # noqa: SLF001 - see above
    BatchBuilder.append = timed
    producers._PRODUCER_CLIENT_ID_SEQUENCE = 0  # noqa: SLF001 - see above
    try:
        yield
    finally:
        BatchBuilder.append = append
        producers._PRODUCER_CLIENT_ID_SEQUENCE = numbered  # noqa: SLF001 - see above
