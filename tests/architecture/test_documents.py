"""What the documents point at is there."""

import re
from collections.abc import Iterator
from pathlib import Path

from support.repository import ROOT, named, python_files

LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")
PATH_OF_A_TEST = re.compile(r"`(tests/[\w./]+)`")
TEST_NAMES = re.compile(r"\| `(groups|requests):` ([\w, ]+) \|")


def documents() -> Iterator[Path]:
    """Yield the Markdown documents of the repository."""
    yield from sorted(ROOT.glob("*.md"))
    for folder in ("docs", "examples", "benchmarks"):
        yield from sorted((ROOT / folder).rglob("*.md"))


def test_links_lead_somewhere() -> None:
    """Every relative link in a document names a file or folder of the repository."""
    broken = [
        f"{named(path)} -> {link}"
        for path in documents()
        for link in LINK.findall(path.read_text(encoding="utf-8"))
        if not (path.parent / link).exists()
    ]

    assert broken == []


def test_tests_that_documents_name_exist() -> None:
    """Every `tests/...` path in a document exists: a claim has the test it points at."""
    missing = [
        f"{named(path)} names {test}"
        for path in documents()
        for test in PATH_OF_A_TEST.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / test).exists()
    ]

    assert missing == []


def test_facts_about_the_client_have_their_tests() -> None:
    """Every test named in the notes on aiokafka exists."""
    notes = (ROOT / "docs" / "kafka-client-notes.md").read_text(encoding="utf-8")
    claimed = [
        (f"test_kafka_client_{file}.py", f"def test_{name.strip()}(")
        for file, names in TEST_NAMES.findall(notes)
        for name in names.split(",")
    ]
    code = {path.name: path.read_text(encoding="utf-8") for path in python_files("tests")}

    assert claimed
    assert [name for file, name in claimed if name not in code[file]] == []
