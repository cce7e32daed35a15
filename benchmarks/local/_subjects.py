"""Who is measured, and what starts the process that does it."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from .. import PEERS, Peer, Subject, find_peer
from ._workloads import BASELINE, ERLANG, OURS

_HERE = Path(__file__).resolve().parent
_UVLOOP = "callboard_uvloop"
_COMPILE_SECONDS = 60.0
# A million processes with a registered name each: both limits are lower unless said otherwise.
_LIMITS = ("+P", "2000000", "+t", "4194304")
_NO_ASYNC = "it has no async handlers"
_NO_UVLOOP = "install uvloop into the environment that callboard is in: pip install uvloop"
_NO_ERLANG = "install Erlang/OTP, on Debian and Ubuntu with `apt-get install erlang-base`"

SUBJECT_NAMES = (BASELINE, OURS, _UVLOOP, *(peer.subject for peer in PEERS), ERLANG)

_CANNOT = {
    "pykka": {"tell_async": _NO_ASYNC, "restarts": "it has no supervision"},
    "casty": {
        "idle_bytes_100k": "its actors exist from their first message on: see idle_bytes_used_100k"
    },
    ERLANG: {"tell_async": _NO_ASYNC},
}
# A thread per actor: 100,000 of them are more than most systems allow.
_SLOWER = {"pykka": 20}


def make_subject(name: str, folder: Path) -> Subject:
    """Return a subject as it can be measured here, if it can.

    Args:
        name: one of SUBJECT_NAMES.
        folder: where to put what has to be compiled first.
    """
    if name == ERLANG:
        return _erlang(folder)
    if name == _UVLOOP:
        missing = None if find_spec("uvloop") is not None else _NO_UVLOOP
        return _python(name, sys.executable, OURS, "--uvloop", missing=missing)
    peers: dict[str, Peer] = {peer.subject: peer for peer in PEERS}
    if name not in peers:
        return _python(name, sys.executable, name)
    python, remedy = find_peer(peers[name])
    return _python(name, python or "", name, missing=None if python is not None else remedy)


def _python(name: str, python: str, *arguments: str, missing: str | None = None) -> Subject:
    return Subject(
        name,
        # -P: the current folder is none of its business, and may have a folder named subjects.
        command=(python, "-P", "-m", "subjects", *arguments),
        environment={"PYTHONPATH": str(_HERE)},
        missing=missing,
        cannot=_CANNOT.get(name, {}),
        slower=_SLOWER.get(name, 1),
    )


def _erlang(folder: Path) -> Subject:
    return Subject(
        ERLANG,
        # no_dot_erlang: what the user's own start file does is none of its business.
        command=(
            *("erl", "-noshell", "-boot", "no_dot_erlang", "-pa", str(folder)),
            *_LIMITS,
            *("-s", "bench", "main"),
        ),
        missing=_compiled(folder),
        cannot=_CANNOT[ERLANG],
        # What a run leaves in the allocators is taken by the next, which would weigh too little.
        single=True,
    )


def _compiled(folder: Path) -> str | None:
    """Compile the module; return why it cannot be run, or None."""
    compiler = shutil.which("erlc")
    if compiler is None or shutil.which("erl") is None:
        return _NO_ERLANG
    try:
        done = subprocess.run(  # noqa: S603 - nothing in it is anyone's input
            [compiler, "-o", str(folder), str(_HERE / "erlang" / "bench.erl")],
            capture_output=True,
            text=True,
            timeout=_COMPILE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"erlc could not be run ({error})"
    if done.returncode != 0:
        return f"erlc failed ({(done.stdout or done.stderr).strip()[:200]})"
    return None
