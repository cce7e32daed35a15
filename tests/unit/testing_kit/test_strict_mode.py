"""Strict mode: which tests it fails, which it leaves alone, and how it is turned on."""

import pytest

ACTORS = """
import asyncio
import pytest
import pytest_asyncio
from callboard import Actor, ActorSystem, handler
from callboard.testing import dead_letters, make_system


class Counter(Actor):
    stop_timeout = 0.5
    total = 0

    @handler
    def add(self, message: int) -> int:
        self.total += message
        return self.total

    @handler
    async def sleep(self, message: float) -> None:
        await asyncio.sleep(message)


virtual = pytest.mark.callboard_virtual
allow = pytest.mark.callboard_allow
"""

BAD = (
    ACTORS
    + """
@virtual
async def test_runs_on():
    system = make_system("forgotten")
    await system.__aenter__()
    system.spawn(Counter)


@virtual
async def test_killed():
    async with make_system() as system:
        system.spawn(Counter, name="stuck").tell(1000.0)
        await asyncio.sleep(0.1)


@virtual
async def test_letters():
    async with make_system() as system:
        counter = system.spawn(Counter, name="counter")
        for text in "abcdefg":
            counter.tell(text)
        await counter.ask(1, timeout=1.0)


@virtual
async def test_several():
    async with make_system("first") as system:
        await asyncio.sleep(0)
    await make_system("second").__aenter__()
    await make_system("third").__aenter__()


@virtual
async def test_its_own_failure():
    await make_system("hidden").__aenter__()
    assert False


@pytest.fixture
def ends_badly():
    loop = asyncio.new_event_loop()
    system = ActorSystem("fixture")
    loop.run_until_complete(system.__aenter__())
    yield system
    loop.close()


def test_fixture(ends_badly):
    pass
"""
)

GOOD = (
    ACTORS
    + """
@virtual
async def test_clean():
    async with make_system() as system:
        assert await system.spawn(Counter).ask(1, timeout=1.0) == 1


@virtual
async def test_looked_at():
    async with make_system() as system:
        counter = system.spawn(Counter)
        with dead_letters(system) as letters:
            counter.tell("a")
            await counter.ask(1, timeout=1.0)
        assert len(letters) == 1


@virtual
@allow(dead_letters=True)
async def test_allowed_letters():
    async with make_system() as system:
        system.spawn(Counter).tell("a")
        await asyncio.sleep(1)


@allow(leaks=True)
class TestLeaks:
    @virtual
    async def test_allowed_leak(self):
        await make_system().__aenter__()

    @virtual
    async def test_allowed_kill(self):
        async with make_system() as system:
            system.spawn(Counter, name="stuck").tell(1000.0)
            await asyncio.sleep(0.1)


async def test_real_time():
    async with ActorSystem("real") as system:
        assert await system.spawn(Counter).ask(1, timeout=5.0) == 1


@pytest.fixture
async def system():
    async with ActorSystem("fixture") as system:
        yield system


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wide():
    async with ActorSystem("wide") as system:
        yield system


async def test_fixture(system):
    assert await system.spawn(Counter).ask(1, timeout=5.0) == 1


@pytest.mark.parametrize("time", [1, 2])
@pytest.mark.asyncio(loop_scope="module")
async def test_wider_fixture(wide, time):
    wide.spawn(Counter).tell("a dead letter")
    await asyncio.sleep(0.01)


@virtual
async def test_skipped():
    await make_system().__aenter__()
    pytest.skip("half way")
"""
)

MARK = (
    ACTORS
    + """
@virtual
@allow(letters=True)
async def test_wrong_option():
    pass


@virtual
async def test_asked_for(callboard_strict):
    await make_system("forgotten").__aenter__()


@virtual
async def test_not_asked_for():
    await make_system("forgotten").__aenter__()
"""
)

STRICT = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
callboard_strict = true
"""

COMPLAINTS = [
    "*ERROR at teardown of test_fixture*",
    "*callboard strict: system 'fixture' was started and not stopped, with 0 actors alive; *",
    "*_ test_runs_on _*",
    "*callboard strict: system 'forgotten' was started and not stopped, with 1 actors alive; *",
    "*_ test_killed _*",
    "*callboard strict: actors of system 'test' did not stop in time: *user/stuck (0.5 s, killed)",
    "*_ test_letters _*",
    "*callboard strict: system 'test' had dead letters *look at: 'a' to *; and 2 more",
    "*_ test_several _*",
    "*callboard strict: system 'second' was started and not stopped*",
    "system 'third' was started and not stopped*",
    "*_ test_its_own_failure _*",
    "*assert False*",
]


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest in a process of its own."""
    return pytester.runpytest_subprocess("-p", "no:hypothesispytest", *arguments)


def test_what_a_test_leaves_behind_fails_it(pytester: pytest.Pytester) -> None:
    """A system that runs on, a killed actor, dead letters; the test's own failure comes first."""
    pytester.makeini(STRICT)
    pytester.makepyfile(test_bad=BAD)

    result = run(pytester)
    result.assert_outcomes(passed=1, failed=5, errors=1)
    result.stdout.fnmatch_lines(COMPLAINTS)
    assert "hidden" not in result.stdout.str().partition("test_its_own_failure _")[2].replace(
        'make_system("hidden")', ""
    )


def test_what_is_clean_or_allowed_passes(pytester: pytest.Pytester) -> None:
    """Systems that stop, dead letters that are looked at, marks, and fixtures of a wider scope."""
    pytester.makeini(STRICT)
    pytester.makepyfile(test_good=GOOD)

    run(pytester, "-W", "error").assert_outcomes(passed=9, skipped=1)


def test_strict_mode_is_off_until_it_is_asked_for(pytester: pytest.Pytester) -> None:
    """A stranger's tests pass as they did; the fixture turns it on for one of them."""
    pytester.makeini(STRICT.replace("callboard_strict = true", ""))
    pytester.makepyfile(test_bad=BAD, test_mark=MARK)

    result = run(pytester)
    result.assert_outcomes(passed=7, failed=2)
    result.stdout.fnmatch_lines("FAILED test_mark.py::test_asked_for - *callboard strict: *")


def test_a_mark_with_another_option_is_refused(pytester: pytest.Pytester) -> None:
    """The error names the options there are."""
    pytester.makeini(STRICT)
    pytester.makepyfile(test_mark=MARK)

    run(pytester, "-k", "wrong").stdout.fnmatch_lines(
        "*callboard_allow takes dead_letters= and leaks= alone, and was given *letters*"
    )
