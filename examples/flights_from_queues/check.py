"""Waits until all flights are handled, and compares every total with the CSV file."""

import asyncio
import os
import sys
import time

from callboard.demo import Aircraft, Airport, Outcome, compute_expected, find_archive, verify
from callboard.transport import Inspector

URL = os.environ.get("CALLBOARD_TRANSPORT", "kafka://127.0.0.1:9092")
PATIENCE = 60.0
"""Seconds without a change after which what is missing counts as lost."""


async def main(count: int) -> int:
    """Return 0 when every total is as it must be, 1 when some are not."""
    expected = compute_expected(find_archive(), count)
    seen, since = -1, time.monotonic()
    async with Inspector(URL, "air") as inspector:
        while True:
            parked = await inspector.quarantined(Aircraft)
            outcome = Outcome(
                aircraft=await inspector.states(Aircraft),
                airports=await inspector.states(Airport),
                quarantined=[*parked, *await inspector.quarantined(Airport)],
            )
            verdict = verify(expected, outcome)
            written = await inspector.written(Aircraft) + await inspector.written(Airport)
            if not verdict.mismatches:
                print(f"{count:,} flights of {len(outcome.aircraft):,} aircraft: every total exact")
                print(f"{len(parked):,} in quarantine, each where it must be")
                return 0
            if written != seen:
                seen, since = written, time.monotonic()
            if time.monotonic() - since > PATIENCE:
                print(*verdict.mismatches[:20], sep="\n")
                return 1
            await asyncio.sleep(0.5)  # what is durable can only be asked for


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]))))
