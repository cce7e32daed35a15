"""The protobuf compiler, of one version, as a child process."""

import importlib.metadata
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from ..actors import CallboardError
from ..schemas import ProtobufDecodeError

PINNED = "1.73.1"
"""Of grpcio-tools: another compiler generates other code."""
_REMEDY = f"pip install 'callboard[schemas]' brings grpcio-tools {PINNED}"
_SECONDS = 120.0
_HIDDEN = frozenset({"node_modules", "__pycache__"})


class SchemasError(CallboardError):
    """Schemas cannot be compiled, or not be found."""


def sources_in(root: Path) -> list[str]:
    """Return the .proto files under a folder, as names within it; hidden folders are left out.

    Raises:
        SchemasError: There are none.
    """
    if not root.is_dir():
        raise SchemasError(f"{root} is no folder; --root is where imports in .proto files begin")
    found: list[str] = []
    for folder, inside, files in os.walk(root):
        inside[:] = [name for name in inside if name not in _HIDDEN and not name.startswith(".")]
        within = Path(folder).relative_to(root)
        found += [(within / name).as_posix() for name in files if name.endswith(".proto")]
    if not found:
        raise SchemasError(f"there is no .proto file in {root}")
    return sorted(found)


def generate(root: Path, sources: Sequence[str], out: Path) -> list[str]:
    """Write the module and the typed stub of each file; return their names within `out`.

    Raises:
        SchemasError: Says what the compiler says.
    """
    out.mkdir(parents=True, exist_ok=True)
    _compile(root, sources, f"--python_out={out}", f"--pyi_out={out}")
    stems = [name.removesuffix(".proto").replace("-", "_") + "_pb2" for name in sources]
    return [stem + end for stem in stems for end in (".py", ".pyi")]


def described(root: Path, sources: Sequence[str]) -> FileDescriptorSet:
    """Return files as descriptors, with the lines of what is in them.

    Raises:
        SchemasError: Says what the compiler says.
    """
    with tempfile.TemporaryDirectory(prefix="callboard-schemas-") as folder:
        target = Path(folder) / "all.binpb"
        _compile(root, sources, f"--descriptor_set_out={target}", "--include_source_info")
        return FileDescriptorSet.FromString(target.read_bytes())


def baseline(name: str, root: Path) -> FileDescriptorSet:
    """Return what schemas were: in a folder, in a file of descriptors, or at a git ref.

    Args:
        name: A path that is there, else a ref of git's.
        root: Where the schemas are now; of the same folder they are taken at the ref.

    Raises:
        SchemasError: It is none of these.
    """
    path = Path(name)
    if path.is_dir():
        return described(path, sources_in(path))
    if path.is_file():
        try:
            return FileDescriptorSet.FromString(path.read_bytes())
        except ProtobufDecodeError as error:
            raise SchemasError(
                f"{name} is no file of descriptors; `callboard schemas compile --descriptors "
                f"FILE` writes one"
            ) from error
    with _at_ref(name, root) as folder:
        return described(folder, sources_in(folder))


@contextmanager
def _at_ref(ref: str, root: Path) -> Generator[Path]:
    """Give a folder with the .proto files of `root` as they were at a ref."""
    try:
        inside = _git(root, "rev-parse", "--show-prefix").decode().strip()
        top = Path(_git(root, "rev-parse", "--show-toplevel").decode().strip())
        packed = _git(top, "archive", "--format=tar", f"{ref}:{inside}".rstrip("/"))
    except SchemasError as error:
        raise SchemasError(
            f"{ref!r} is no folder, no file of descriptors, and no git ref that has {root}: {error}"
        ) from error
    with tempfile.TemporaryDirectory(prefix="callboard-schemas-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            files = [each for each in archive if each.isfile() and each.name.endswith(".proto")]
            archive.extractall(folder, files, filter="data")
        yield Path(folder)


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 no shell: each argument is one
            ["git", "-C", str(folder), *arguments],  # noqa: S607 the user's own git
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise SchemasError("git is not installed") from error
    if done.returncode:
        raise SchemasError(done.stderr.decode(errors="replace").strip())
    return done.stdout


def _compile(root: Path, sources: Sequence[str], *wanted: str) -> None:
    try:
        version = importlib.metadata.version("grpcio-tools")
    except importlib.metadata.PackageNotFoundError as error:
        raise SchemasError(f"there is no protobuf compiler; {_REMEDY}") from error
    if version != PINNED:
        raise SchemasError(
            f"grpcio-tools is {version}, whose compiler generates other code; {_REMEDY}"
        )
    done = subprocess.run(  # noqa: S603 no shell: each argument is one
        [sys.executable, "-P", "-m", "grpc_tools.protoc", f"-I{root}", *wanted, *sources],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise SchemasError(f"the compiler refuses the schemas:\n{done.stderr.strip()}")
