"""The README's code runs as it is printed."""

from pathlib import Path

from support.programs import blocks, run

README = Path(__file__).parents[2] / "README.md"


def test_the_first_screen_prints_what_it_says(tmp_path: Path) -> None:
    """Twenty lines, an entity, a broker inside the process: 750."""
    printed = run(tmp_path, "-c", blocks(README)[0])
    assert printed.strip().splitlines()[-1] == "750"


def test_the_supervision_example_heals(tmp_path: Path) -> None:
    """The worker fails on 0, is restarted, and answers the next message."""
    code = (
        blocks(README)[1]
        + """
import asyncio

async def main() -> None:
    async with ActorSystem("heals") as system:
        boss = system.spawn(Boss, name="boss")
        boss.tell(Work(0))
        boss.tell(Work(5))
        async with asyncio.timeout(20):
            while system.statistics().restarts < 1:
                await asyncio.sleep(0.01)
        worker = system.spawn(Worker)
        print(await worker.ask(Work(4), timeout=5.0))

asyncio.run(main())
"""
    )
    assert "25" in run(tmp_path, "-c", code).splitlines()
