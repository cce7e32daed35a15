"""Systems for tests: an actor system whose clock, randomness and order of turns are given."""

import asyncio
import random
from typing import Any

from .. import ActorSystem
from ._loop import VirtualLoop
from ._order import ShuffledQueue


def make_system(name: str = "test", *, seed: int | None = None, **options: Any) -> ActorSystem:
    """Return an ActorSystem whose runs can be repeated; enter it with `async with`.

    ```python
    async def main() -> None:
        async with make_system() as system:
            greeter = system.spawn(Greeter)


    run_virtual(main(), seed=7)
    ```

    In a VirtualLoop it takes the loop's seed, unless one is given, and its `wall_clock`; its node
    is called "test", since the name that a system makes up differs from run to run. With a seed,
    `system.random` is seeded, and actors that have mail get their turns in an order drawn from the
    seed. In any other loop, and without a seed, it is an ActorSystem like any other.

    What is promised of order stays: messages of one sender to one receiver are handled in the order
    they were sent. What the order of turns happens to do to two senders does not stay, and that is
    the point.

    Args:
        name: of the system.
        seed: of randomness and of the order of turns; None for the running VirtualLoop's.
        **options: as ActorSystem takes them; they go before what is said above.
    """
    loop = _running_loop()
    if isinstance(loop, VirtualLoop):
        seed = loop.seed if seed is None else seed
        options = {"wall_clock": loop.wall_clock, "node": "test", **options}
    system = ActorSystem(name, seed=seed, **options)
    if seed is not None:
        # Another stream than `system.random`, or a draw by an actor would change the order too.
        system.dispatcher.queue = ShuffledQueue(random.Random(f"turns {seed}"))
    return system


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
