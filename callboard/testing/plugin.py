"""The pytest plugin: virtual time by a mark, seeds that can be replayed, and strict mode.

pytest loads this at each start, whether or not anybody tests actors. So it imports nothing of
callboard until a test asks for it, and changes nothing for tests that do not:

- `@pytest.mark.callboard_virtual` runs an async test in virtual time;
- `callboard_seed` is a fixture, `--callboard-seed` an option; a test that used the seed and failed
  says how to run it again;
- `callboard_broker` is a fixture: a Kafka broker of the test's own, for any client;
- `callboard_strict` is a setting and a fixture: a test fails if it leaves actors or dead letters.

Its parts are fixtures and hooks, not an API to call.
"""

import contextlib
import functools
import hashlib
import inspect
import os
import random
import shlex
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ._broker_thread import BrokerThread
    from ._strict import Allowed, Watch

__all__: list[str] = []

_VIRTUAL = "callboard_virtual"
_ALLOW = "callboard_allow"
_BROKER = "callboard_broker"
_MAX_SEED = 2**32

_given = pytest.StashKey[int]()  # of the session: the seed for all tests, if there is one
_test = pytest.StashKey[Callable[..., Any]]()  # of a marked test: the coroutine function itself
_watch: "pytest.StashKey[Watch]" = pytest.StashKey()  # of a strict test
_scope = pytest.StashKey[str]()  # of the session: scope of the fixture that is being set up
_over = pytest.StashKey[bool]()  # of a test: it has failed already, or was skipped


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option and the settings."""
    group = parser.getgroup("callboard", "actors in virtual time")
    group.addoption(
        "--callboard-seed",
        metavar="N",
        help="seed of tests that run in virtual time or use the fixture callboard_seed; "
        '"random" draws one; by default each test has its own, made of its name '
        "(also: the variable CALLBOARD_SEED, the setting callboard_seed)",
    )
    with contextlib.suppress(ValueError):  # another plugin has the short name
        group.addoption(
            "--seed", dest="callboard_seed", metavar="N", help="short for --callboard-seed"
        )
    parser.addini("callboard_seed", "as --callboard-seed", default="")
    parser.addini(
        "callboard_strict",
        "fail tests that leave running systems, killed actors or dead letters",
        type="bool",
        default=False,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks, and settle the seed if it is the same for all tests."""
    config.addinivalue_line(
        "markers",
        f"{_VIRTUAL}(seed=None, limit=3600.0): run this async test in virtual time",
    )
    config.addinivalue_line(
        "markers",
        f"{_ALLOW}(dead_letters=False, leaks=False): what this test may leave in strict mode",
    )
    config.addinivalue_line(
        "markers",
        f"{_BROKER}(brokers=1, ...): options of the fixture {_BROKER}, as BrokerOptions has them",
    )
    given = (
        config.getoption("--callboard-seed")
        or os.environ.get("CALLBOARD_SEED")
        or config.getini("callboard_seed")
    )
    if given == "random":
        # Told to the workers of a distributed run by way of the option.
        given = config.option.callboard_seed = str(random.SystemRandom().randrange(_MAX_SEED))
    if given:
        try:
            config.stash[_given] = int(given)
        except ValueError:
            raise pytest.UsageError(
                f'the callboard seed is {given!r}; give a whole number, or "random"'
            ) from None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Tell the seed, if all tests share one."""
    return f"callboard seed: {config.stash[_given]}" if _given in config.stash else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Prepare a marked test, and one in strict mode, ahead of their fixtures."""
    item.stash[_over] = False
    _observe(item)
    _take(item)


# --- seeds ----------------------------------------------------------------------------------------


def _seed_of(item: pytest.Item) -> int:
    """Return a test's seed: the mark's, the one for all, or one made of the test's name."""
    mark = item.get_closest_marker(_VIRTUAL)
    marked: int | None = None if mark is None else mark.kwargs.get("seed")
    if marked is not None:
        return marked
    given = item.config.stash.get(_given, None)
    if given is not None:
        return given
    return int.from_bytes(hashlib.sha256(item.nodeid.encode()).digest()[:4])


@pytest.fixture
def callboard_seed(request: pytest.FixtureRequest) -> int:
    """Return the test's seed; when the test fails, its report says how to run it again."""
    return _seed_of(request.node)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add how to replay a test that failed."""
    report = yield
    if call.excinfo is not None:
        item.stash[_over] = True
    if report.failed and (_test in item.stash or _uses(item, "callboard_seed")):
        replay = f"pytest {shlex.quote(item.nodeid)} --callboard-seed={_seed_of(item)}"
        report.sections.append((f"callboard: replay with  {replay}", ""))
    return report


def _uses(item: pytest.Item, fixture: str) -> bool:
    return isinstance(item, pytest.Function) and fixture in item.fixturenames


# --- virtual time ---------------------------------------------------------------------------------


def _take(item: pytest.Item) -> None:
    """Keep a marked test's coroutine function, before another plugin wraps it."""
    mark = item.get_closest_marker(_VIRTUAL)
    if mark is None or not isinstance(item, pytest.Function):
        return
    if mark.args or set(mark.kwargs) - {"seed", "limit"}:
        pytest.fail(f"{_VIRTUAL} takes seed= and limit= alone, and was given {mark}", pytrace=False)
    function = _inner_of(item.obj)
    if not inspect.iscoroutinefunction(function):
        pytest.fail(
            f"{item.name} is marked {_VIRTUAL} and is no `async def` test; virtual time is the "
            "event loop's, so take the mark away or call run_virtual in the test",
            pytrace=False,
        )
    fixtures = _async_fixtures(item)
    if fixtures:
        pytest.fail(
            f"{item.name} is marked {_VIRTUAL} and uses async fixtures: {', '.join(fixtures)}. "
            "They would run on another loop than the test, whose loop begins and ends with it. "
            "Make each a plain fixture, or an async context manager that the test enters.",
            pytrace=False,
        )
    item.stash[_test] = function


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a marked test in virtual time, ahead of any plugin that would run it in real time."""
    function = pyfuncitem.stash.get(_test, None)
    if function is None:
        return None
    from ._loop import run_virtual  # noqa: PLC0415 - see the module

    mark = pyfuncitem.get_closest_marker(_VIRTUAL)
    options: dict[str, Any] = {} if mark is None else {**mark.kwargs}
    options["seed"] = _seed_of(pyfuncitem)

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        run_virtual(function(*args, **kwargs), **options)

    names = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001 - as pytest's own call does  # pyright: ignore[reportPrivateUsage]
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    generated = getattr(pyfuncitem.obj, "hypothesis", None)
    if generated is None:
        run(**arguments)
    else:
        generated.inner_test, before = run, generated.inner_test
        try:
            pyfuncitem.obj(**arguments)
        finally:
            generated.inner_test = before
    return True


def _inner_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the test itself, which Hypothesis keeps inside what `@given` makes."""
    generated = getattr(function, "hypothesis", None)
    return function if generated is None else generated.inner_test


def _async_fixtures(item: pytest.Function) -> list[str]:
    known = item._fixtureinfo.name2fixturedefs  # noqa: SLF001 - there is no other way to ask  # pyright: ignore[reportPrivateUsage]
    return [
        name
        for name, definitions in known.items()
        if inspect.iscoroutinefunction(definitions[-1].func)
        or inspect.isasyncgenfunction(definitions[-1].func)
    ]


# --- the broker -----------------------------------------------------------------------------------


@pytest.fixture
def callboard_broker(request: pytest.FixtureRequest) -> "Generator[BrokerThread]":
    """Give a Kafka broker of the test's own, in memory, that can be told to misbehave.

    `callboard_broker.bootstrap` is the address for clients of any kind, in this process or
    another. It runs in a thread of its own, so tests may be async or not, on whatever loop.
    """
    from ..transport.broker import BrokerOptions  # noqa: PLC0415 - see the module
    from ._broker_thread import BrokerThread  # noqa: PLC0415 - see the module

    mark = request.node.get_closest_marker(_BROKER)
    try:
        options = BrokerOptions(*mark.args, **mark.kwargs) if mark else BrokerOptions()
    except TypeError as error:
        pytest.fail(f"{_BROKER} takes the options of BrokerOptions: {error}", pytrace=False)
    with BrokerThread(options) as broker:
        yield broker


# --- strict mode ----------------------------------------------------------------------------------


@pytest.fixture
def callboard_strict() -> None:
    """Turn strict mode on for one test."""


def _observe(item: pytest.Item) -> None:
    """Watch the systems of a strict test, from its first fixture to its last."""
    if item.config.getini("callboard_strict") or _uses(item, "callboard_strict"):
        from ._strict import Watch  # noqa: PLC0415 - see the module

        stash = item.config.stash
        watch = Watch(_allowed(item), lambda: stash.get(_scope, "function") != "function")
        item.stash[_watch] = watch
        watch.begin()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Know the scope of a fixture: systems of a wider one outlive the test that comes first."""
    stash = request.config.stash
    outer = stash.get(_scope, "function")
    stash[_scope] = fixturedef.scope
    try:
        return (yield)
    finally:
        stash[_scope] = outer


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a strict test for what it left behind itself."""
    watch = item.stash.get(_watch, None)
    if watch is None:
        return (yield)
    before = watch.seen
    yield
    _complain(watch.complaints(since=before))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a strict test for what its fixtures left behind, unless it has failed already."""
    watch = item.stash.get(_watch, None)
    if watch is None:
        return (yield)
    del item.stash[_watch]
    try:
        yield
        if not item.stash[_over]:
            _complain(watch.complaints())
    finally:
        watch.end()


def _allowed(item: pytest.Item) -> "Allowed":
    from ._strict import Allowed  # noqa: PLC0415 - see the module

    options: dict[str, Any] = {}
    for mark in item.iter_markers(_ALLOW):
        if mark.args or set(mark.kwargs) - {"dead_letters", "leaks"}:
            pytest.fail(
                f"{_ALLOW} takes dead_letters= and leaks= alone, and was given {mark}",
                pytrace=False,
            )
        options = {**mark.kwargs, **options}  # the nearest mark decides
    return Allowed(**options)


def _complain(complaints: list[str]) -> None:
    if complaints:
        pytest.fail("callboard strict: " + "\n".join(complaints), pytrace=False)
