"""Random lives of a bridge in virtual time: nothing is lost, comes twice or overtakes."""

import asyncio
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.bridge_world import World

from callboard import ActorSystem
from callboard.testing import run_virtual

ENDINGS = ("", "", "", "large", "large", "fails", "dropped")
"""What becomes of lines."""

_FAREWELL = 3.0
"""Virtual seconds in which what a bridge had in hand has come to its end."""

LINES = st.lists(
    st.tuples(st.sampled_from("ppq"), st.sampled_from(ENDINGS)), min_size=1, max_size=4
)
WAITS = st.tuples(st.just("wait"), st.sampled_from([0.01, 0.3, 4.0, 12.0]))
TROUBLE = st.one_of(
    st.tuples(st.just("die"), st.just(0)),
    st.tuples(st.just("die"), st.integers(0, 1)),
    st.tuples(st.just("fail"), st.sampled_from(["before", "after"])),
    st.tuples(st.just("refuse"), st.just(1)),
    st.tuples(st.just("redrive"), st.just(1)),
)
ROUNDS = st.lists(st.tuples(st.tuples(st.just("put"), LINES), WAITS, TROUBLE, WAITS), max_size=6)
"""Lines come, some time passes, something happens."""


class Life:
    """One run: bridges that follow each other, and what was put into their queue."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        self.put: dict[str, list[str]] = {"p": [], "q": []}
        self._number = 0
        self.alone = True
        """No two bridges ran at once: the queue kept the order."""

    def fill(self, lines: list[tuple[str, str]]) -> None:
        """Put lines into the queue."""
        for entity, ending in lines:
            line = f"{entity}:{self._number}{ending}"
            self._number += 1
            self.put[entity].append(line)
            self.world.queue.put(line)

    async def live(self, steps: list[tuple[str, Any]]) -> None:
        """Take the steps, then let all come to its end."""
        world = self.world
        async with ActorSystem("air", seed=1) as system:
            consuming = asyncio.create_task(world.consume())
            bridge, count = world.start(system, "b0"), 0
            for verb, what in steps:
                match verb:
                    case "put":
                        self.fill(what)
                    case "die":
                        count += 1
                        former, overlap = bridge, what
                        if not overlap:
                            system.kill(former)
                            await asyncio.sleep(_FAREWELL)
                        bridge = world.start(system, f"b{count}")
                        if overlap:  # it wakes up late to a refusal, or two think it is them
                            self.alone = False
                            await asyncio.sleep(0.05)
                            system.kill(former)
                    case "fail":
                        world.failing.append(what)
                    case "refuse":
                        world.queue.refused += 1
                    case "wait":
                        await asyncio.sleep(what)
                    case _:
                        world.redrive()
            async with asyncio.timeout(600):
                while not world.at_rest:
                    await asyncio.sleep(0.5)
                world.redrive()
            consuming.cancel()

    def check(self) -> None:
        """Each line once; those of an entity in order, but for what an adapter failed on."""
        for entity, put in self.put.items():
            found = self.world.mail.get(entity, [])
            wanted = [line for line in put if not line.endswith("dropped")]
            assert Counter(found) == Counter(wanted)
            if self.alone:
                ordered = [line for line in found if not line.endswith("fails")]
                assert ordered == [line for line in wanted if not line.endswith("fails")]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**16), ROUNDS)
def test_every_line_arrives_once_and_in_order(
    seed: int, rounds: list[tuple[tuple[str, Any], ...]]
) -> None:
    """Whatever dies, fails and is refused when; also two bridges at once, each line comes once."""
    life = Life(seed)
    run_virtual(life.live([step for steps in rounds for step in steps]), seed=seed)
    life.check()
