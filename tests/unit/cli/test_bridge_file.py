"""Files of bridges: what is right in them, and every line that is wrong."""

import re
from pathlib import Path

import pytest

from callboard import ActorSystem, RabbitMQ, RedisStreams
from callboard.cli._bridge_file import BridgeFileError
from callboard.cli._bridge_reading import read_bridge_file

GOOD = """
system = "air"
transport = "kafka://${KAFKA:-localhost:9092}"

[bridges.departures]
source = "rabbitmq"
url = "${RABBIT}"
queue = "departures"
prefetch = 50
timeout = 3
to = "callboard.demo:Aircraft"
key = "plane.tail"
message = "callboard.demo.v1.flights_pb2:Flight"
batch = 100

[bridges.departures.where]
kind = "d"

[bridges.departures.fields]
row = "id"
carrier = { value = "UA" }
number = { from = "flight", default = 0 }

[bridges.arrivals]
source = "redis"
url = "redis://localhost"
stream = "arrivals"
to = "callboard.demo:Aircraft"
key = "id"
adapter = "support.bridged:key_of"
reply = "json"
"""
ENVIRONMENT = {"RABBIT": "amqp://user:secret@rabbit:5673/"}


def read(folder: Path, text: str, **environment: str) -> object:
    """Read a file of that text."""
    path = folder / "bridge.toml"
    path.write_text(text)
    return read_bridge_file(path, {**ENVIRONMENT, **environment})


def wrong(folder: Path, text: str) -> list[str]:
    """Read a file that is wrong, and return what is said of it, without the path."""
    with pytest.raises(BridgeFileError) as caught:
        read(folder, text)
    assert "secret" not in str(caught.value)
    return str(caught.value).replace(f"{folder / 'bridge.toml'}:", "").split("\n")


def test_a_file_says_what_the_decorator_does(tmp_path: Path) -> None:
    """Sources, options, adapters; variables are replaced."""
    path = tmp_path / "bridge.toml"
    path.write_text(GOOD)
    file = read_bridge_file(path, ENVIRONMENT)
    assert (file.system, file.transport, file.node) == ("air", "kafka://localhost:9092", None)
    departures, arrivals = file.bridges
    assert departures.source == RabbitMQ(
        "amqp://user:secret@rabbit:5673/", queue="departures", prefetch=50, timeout=3
    )
    assert (departures.name, departures.key, departures.options.batch) == (
        "departures",
        "plane.tail",
        100,
    )
    assert arrivals.source == RedisStreams("redis://localhost", stream="arrivals")
    assert arrivals.reply == "json"
    assert [each.name for each in file.only(["arrivals"]).bridges] == ["arrivals"]
    with pytest.raises(BridgeFileError, match="no bridge 'x'; it has departures, arrivals"):
        file.only(["x"])


def test_its_bridges_are_those_of_a_system(tmp_path: Path) -> None:
    """Declared as by a program, with the same checks."""
    path = tmp_path / "bridge.toml"
    path.write_text(GOOD.replace('adapter = "support.bridged:key_of"\n', ""))
    file = read_bridge_file(path, ENVIRONMENT)
    file.declare(ActorSystem("air", entities=()))
    again = ActorSystem("air", entities=())
    again.consumer("x", name="arrivals")(lambda_taking)
    with pytest.raises(BridgeFileError, match=r"bridge.toml:24: bridge 'arrivals': two consumers"):
        file.declare(again)


def lambda_taking(message: bytes) -> None:
    """Take anything."""


_MISTAKES = [
    ('system = "air"', "", "1: system is missing; whose entities are they? system = 'air'"),
    ('system = "air"', 'sytem = "air"', "2: 'sytem' is no setting of a file of bridges; did you"),
    ("prefetch = 50", "prefetch = 0", "9: prefetch is 0; expected 1 to 65535"),
    ("prefetch = 50", 'prefetch = "x"', "9: prefetch is of type str; expected a whole number"),
    ("batch = 100", "batch = true", "14: batch is of type bool; expected a whole number"),
    ("prefetch = 50", "prefetsh = 5", "9: 'prefetsh' is no setting of a bridge from rabbitmq; did"),
    ('"rabbitmq"', '"rabitmq"', "6: source is 'rabitmq'; expected 'rabbitmq' or 'activemq' or"),
    ('queue = "departures"', "", "5: queue is missing in bridge 'departures'"),
    ("${RABBIT}", "${RABIT}", "7: url names the variable RABIT, which is not set; set it, or give"),
    ("${RABBIT}", "http://user:secret@x", "7: got http://x; expected amqp://USER:PASSWORD@HOST"),
    (":Aircraft", ":Aircaft", "11: 'callboard.demo:Aircaft': the module callboard.demo has no"),
    (":Flight", ":DESCRIPTOR", "13: 'callboard.demo.v1.flights_pb2:DESCRIPTOR' is of type File"),
    ('row = "id"', 'rov = "id"', "20: callboard.demo.v1.Flight has no field 'rov'; did you mean"),
    ('row = "id"', "row = 5", "20: row comes from nowhere; expected a place, as in 'flight.tail"),
    ('"support.bridged:key_of"', '"support.bridged:books"', "30: 'support.bridged:books' is of"),
    ('"support.bridged:key_of"', '"support.bridged:expected"', "24: bridge 'arrivals': "),
    ('reply = "json"', 'reply = "xml"', "31: expected reply = 'json' or 'protobuf'"),
]


@pytest.mark.parametrize(("line", "instead", "said"), _MISTAKES)
def test_each_mistake_has_its_line_and_remedy(
    tmp_path: Path, line: str, instead: str, said: str
) -> None:
    """One mistake is one sentence."""
    assert line in GOOD
    (told,) = wrong(tmp_path, GOOD.replace(line, instead, 1))
    assert told.startswith(said)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """In the order of their lines."""
    text = GOOD.replace("prefetch = 50", "prefetch = 0").replace('"json"', '"xml"')
    assert [each.split(":")[0] for each in wrong(tmp_path, text)] == ["9", "31"]


def test_an_adapter_and_a_mapping_exclude_each_other(tmp_path: Path) -> None:
    """Two makers of one command."""
    text = GOOD.replace("batch = 100", 'adapter = "support.bridged:key_of"')
    assert wrong(tmp_path, text) == [
        "19: fields beside adapter; the adapter makes the command, so leave one out"
    ]


def test_a_file_that_is_none_says_so(tmp_path: Path) -> None:
    """Not there, not TOML, not text, or without a bridge."""
    with pytest.raises(BridgeFileError, match=r"none\.toml cannot be read: No such file"):
        read_bridge_file(tmp_path / "none.toml")
    with pytest.raises(BridgeFileError, match=r"is no TOML: .*line 2"):
        read(tmp_path, "system = 'air'\n[bridges\n")
    (tmp_path / "latin.toml").write_bytes(b"system = '\xe4'")
    with pytest.raises(BridgeFileError, match=re.escape("it is no UTF-8 text")):
        read_bridge_file(tmp_path / "latin.toml")
    assert wrong(tmp_path, "system = 'air'")[0].startswith("1: there is no bridge in it; expected")
