"""The pytest plugin, in runs of pytest within these tests, and once in a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import callboard.testing.plugin
from callboard.testing import VirtualLoop, run_virtual

LOADED_BEFORE = (VirtualLoop, run_virtual)

MARKED = """
import asyncio
import time
import pytest
from callboard.testing import VirtualLoop

pytestmark = [pytest.mark.callboard_virtual, *MARKS]


@pytest.fixture
def number():
    return 5


@pytest.fixture(autouse=True)
def plain():
    yield


async def test_virtual(number):
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    await asyncio.sleep(3000)
    assert (loop.time(), number) == (3000.0, 5)


@pytest.mark.parametrize("seconds", [1, 1000])
@pytest.mark.callboard_virtual(limit=500)
async def test_limited(seconds):
    await asyncio.sleep(seconds)


@pytest.mark.callboard_virtual(seed=11)
async def test_seeded(callboard_seed):
    assert asyncio.get_running_loop().seed == callboard_seed == 11


class TestMethods:
    async def test_method(self):
        assert isinstance(asyncio.get_running_loop(), VirtualLoop)
"""

REAL = """
import asyncio
from callboard.testing import VirtualLoop


async def test_real():
    assert not isinstance(asyncio.get_running_loop(), VirtualLoop)
"""

SEEDS = """
import asyncio
import pytest


@pytest.mark.callboard_virtual
@pytest.mark.parametrize("text", ["a b"])
async def test_virtual(text):
    print("seed", asyncio.get_running_loop().seed)
    assert False


def test_plain(callboard_seed):
    print("seed", callboard_seed)
    assert False


def test_without():
    assert False


def test_passes(callboard_seed):
    pass
"""

WRONG = """
import pytest

pytestmark = pytest.mark.callboard_virtual


@pytest.fixture
async def connection():
    return 1


@pytest.fixture
def through(connection):
    return connection


async def test_fixture(through):
    pass


def test_plain():
    pass


async def test_generator():
    yield


@pytest.mark.callboard_virtual(sed=1)
async def test_option():
    pass
"""

GENERATED = """
import asyncio
import pytest
from hypothesis import given, settings, strategies

seen = []


@pytest.mark.callboard_virtual
@pytest.mark.parametrize("base", [0, 1])
@settings(max_examples=20, database=None, derandomize=True)
@given(seconds=strategies.integers(0, 3000))
async def test_generated(base, seconds):
    loop = asyncio.get_running_loop()
    await asyncio.sleep(seconds)
    assert loop.time() == seconds
    seen.append((base, seconds))


def test_all_were_run():
    assert len({seconds for _, seconds in seen}) > 5
    assert {base for base, _ in seen} == {0, 1}
"""


# Hypothesis takes a second to sum up that it did nothing.
QUICK = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
# pytest-asyncio warns of a setting that is not made.
ASYNCIO = ("-o", "asyncio_default_fixture_loop_scope=function")


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest within this process, where whatever is a warning is an error.

    It forgets the modules it loads, so those of the kit are loaded before, at the top of this file.
    """
    return pytester.runpytest_inprocess("-W", "error", *QUICK, *arguments)


def run_alone(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest without pytest-asyncio."""
    return run(pytester, "-p", "no:asyncio", *arguments)


@pytest.fixture(autouse=True)
def _no_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs these tests with a seed does not mean those inside."""
    monkeypatch.delenv("CALLBOARD_SEED", raising=False)


def seeds(result: pytest.RunResult) -> list[str]:
    """Return the seeds that the tests printed."""
    return re.findall(r"^seed (\d+)$", result.stdout.str(), re.MULTILINE)


@pytest.mark.parametrize(
    ("mode", "marks", "real"),
    [
        ("auto", "", "passed"),
        ("strict", "", "failed"),  # nobody runs an async test that has no mark
        ("strict", "pytest.mark.asyncio", "failed"),
    ],
    ids=["auto", "strict", "marked twice"],
)
def test_marked_tests_run_in_virtual_time(
    pytester: pytest.Pytester, mode: str, marks: str, real: str
) -> None:
    """Beside pytest-asyncio, in each of its modes, and where both plugins are asked for."""
    pytester.makepyfile(test_marked=MARKED.replace("*MARKS", marks))
    result = run(pytester, *ASYNCIO, "-o", f"asyncio_mode={mode}")
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines("*VirtualTimeLimit: virtual time is 0 s*due at 1000 s*")

    pytester.makepyfile(test_real=REAL)
    result = run(pytester, *ASYNCIO, "-o", f"asyncio_mode={mode}", "test_real.py")
    assert result.parseoutcomes() == {real: 1}


def test_pytest_asyncio_is_not_needed(pytester: pytest.Pytester) -> None:
    """The plugin runs marked tests by itself, and pytest finds it by itself."""
    pytester.makepyfile(MARKED.replace("*MARKS", ""))

    result = pytester.runpytest_subprocess(*QUICK, "-p", "no:asyncio", "-k", "not limited")
    result.assert_outcomes(passed=3, deselected=2)


def test_a_failure_says_how_to_run_it_again(pytester: pytest.Pytester) -> None:
    """Each failed test that used a seed has a line to copy, and only those."""
    pytester.makepyfile(test_seeds=SEEDS)

    first = run_alone(pytester)
    first.assert_outcomes(passed=1, failed=3)
    output = first.stdout.str()
    plain, virtual = seeds(first)[1], seeds(first)[0]
    assert output.count("replay with") == 2
    assert f"callboard: replay with  pytest test_seeds.py::test_plain --callboard-seed={plain}" in (
        output
    )
    line = f"pytest 'test_seeds.py::test_virtual[a b]' --callboard-seed={virtual}"
    assert f"callboard: replay with  {line}" in output
    assert plain != virtual

    again = run_alone(pytester, "test_seeds.py::test_virtual[a b]", f"--callboard-seed={virtual}")
    assert seeds(again) == [virtual]
    assert f"callboard seed: {virtual}" in again.stdout.str()
    assert seeds(run_alone(pytester)) == [virtual, plain]


def test_the_seed_is_given_by_option_variable_or_setting(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option goes before the variable, and that before the setting."""
    pytester.makepyfile(test_seeds=SEEDS)
    pytester.makeini("[pytest]\ncallboard_seed = 3")
    assert seeds(run_alone(pytester)) == ["3", "3"]

    monkeypatch.setenv("CALLBOARD_SEED", "4")
    assert seeds(run_alone(pytester)) == ["4", "4"]
    assert seeds(run_alone(pytester, "--callboard-seed=5")) == ["5", "5"]

    first, second = (seeds(run_alone(pytester, "--callboard-seed=random")) for _ in range(2))
    assert first[0] == first[1] != second[0]


def test_a_seed_that_is_none_is_refused(pytester: pytest.Pytester) -> None:
    """The error says what was given and what to give."""
    result = run_alone(pytester, "--callboard-seed=often")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("ERROR: the callboard seed is 'often'; give a whole number, or *")


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_what_cannot_run_in_virtual_time_says_so(pytester: pytest.Pytester, mode: str) -> None:
    """Async fixtures, tests that are not async, and marks with other options are errors."""
    pytester.makepyfile(WRONG)

    result = run(pytester, *ASYNCIO, "-o", f"asyncio_mode={mode}", "-W", "default")
    result.stdout.fnmatch_lines(
        [
            "*test_fixture is marked callboard_virtual and uses async fixtures: connection. They *",
            "*test_plain is marked callboard_virtual and is no `async def` test; *",
            "*callboard_virtual takes seed= and limit= alone, and was given *sed*",
        ]
    )
    assert "passed" not in result.stdout.lines[-1]


def test_generated_examples_run_in_virtual_time(pytester: pytest.Pytester) -> None:
    """Each example of Hypothesis has a loop of its own, and all are run."""
    pytester.makepyfile(GENERATED)

    for mode in ("auto", "strict"):
        result = pytester.runpytest_subprocess(*ASYNCIO, "-o", f"asyncio_mode={mode}")
        result.assert_outcomes(passed=3)


def test_the_marks_are_declared(pytester: pytest.Pytester) -> None:
    """`--strict-markers` takes them, and `--markers` explains them."""
    pytester.makepyfile(MARKED.replace("*MARKS", ""))

    result = run_alone(pytester, "--strict-markers", "-k", "seeded")
    result.assert_outcomes(passed=1, deselected=4)
    run_alone(pytester, "--markers").stdout.fnmatch_lines(
        ["@pytest.mark.callboard_virtual(*): *", "@pytest.mark.callboard_allow(*): *"]
    )


LOADS = """
import sys, types

package = types.ModuleType("callboard")
package.__path__ = [sys.argv[1]]
sys.modules["callboard"] = package
import pytest

before = set(sys.modules)
import callboard.testing.plugin

print(*sorted(set(sys.modules) - before))
"""


def test_the_plugin_loads_nothing_of_callboard() -> None:
    """Loading it costs a stranger's pytest next to nothing: no actors, no event loop."""
    package = Path(callboard.testing.plugin.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", LOADS, str(package)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.startswith("callboard")} == {
        "callboard.testing",
        "callboard.testing.plugin",
    }
    assert not {name for name in loaded if name.partition(".")[0] in {"asyncio", "structlog"}}
