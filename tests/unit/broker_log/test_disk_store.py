"""A broker's folder: what is in it survives, and what is not ours is left alone."""

import json
from pathlib import Path

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from callboard.transport.broker.log import (
    CompactionRules,
    Compactor,
    CorruptSegment,
    DiskStore,
    PartitionLog,
    Rules,
    StoreError,
)

RULES = Rules(max_bytes=1_000_000)


def batch(
    *values: bytes, key: bytes = b"k", producer: int = -1, sequence: int = -1, at: int = 1_000
) -> bytes:
    """Return a record batch as a producer makes it."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, producer, 0, sequence, 1_000_000)
    for offset, value in enumerate(values):
        builder.append(offset, timestamp=at, key=key, value=value, headers=[])
    return bytes(builder.build())


def opened(folder: Path, segment_bytes: int = 1_000) -> tuple[DiskStore, PartitionLog]:
    """Open a store, and partition 0 of topic `t-1` in it."""
    store = DiskStore(folder, segment_bytes=segment_bytes)
    if "topic/t" not in store.table():
        store.put("topic/t", {"id": "t-1"})
    return store, PartitionLog(store.partition("t-1", 0))


def held(log: PartitionLog) -> list[bytes]:
    """Return all batches, from the log's start."""
    return log.read(log.start, 10_000_000).batches


def segments(folder: Path) -> list[Path]:
    """Return the partition's segment files, in order."""
    return sorted(folder.glob("topics/t-1/0/g*/*.log"))


def test_what_was_written_is_there_after_a_kill(tmp_path: Path) -> None:
    """Nothing is closed or synced: only what the system was given counts."""
    store, log = opened(tmp_path)
    for number in range(20):
        log.append(batch(b"%d" % number * 50), RULES, 1_000)
    store.put("offset/t/0/g", {"committed": [7, "", -1]})
    before, end = held(log), log.end
    store.release()
    store, log = opened(tmp_path)
    assert held(log) == before
    assert log.end == end == 20
    assert store.table()["offset/t/0/g"] == {"committed": [7, "", -1]}
    assert len(segments(tmp_path)) > 1


def test_a_producer_goes_on_after_a_kill(tmp_path: Path) -> None:
    """Its last number is read from the batches, so a repeated batch is still a duplicate."""
    store, log = opened(tmp_path)
    first = batch(b"a", producer=7, sequence=0)
    log.append(first, RULES, 1_000)
    store.release()
    _, log = opened(tmp_path)
    assert log.append(first, RULES, 1_000).base_offset == 0
    assert log.append(batch(b"b", producer=7, sequence=1), RULES, 1_000).base_offset == 1


@pytest.mark.parametrize("torn", [1, 30, 61, 80])
def test_a_torn_tail_is_cut_off(tmp_path: Path, torn: int) -> None:
    """A batch that was half written was never answered; what stands before it is kept."""
    store, log = opened(tmp_path, segment_bytes=10_000)
    for number in range(3):
        log.append(batch(b"%d" % number * 50), RULES, 1_000)
    whole = held(log)
    store.release()
    (path,) = segments(tmp_path)
    path.write_bytes(path.read_bytes()[:-torn])
    _, log = opened(tmp_path, segment_bytes=10_000)
    assert held(log) == whole[:2]
    assert log.append(batch(b"new"), RULES, 1_000).base_offset == 2
    assert path.stat().st_size == sum(map(len, held(log)))


def test_zeros_at_the_end_are_cut_off(tmp_path: Path) -> None:
    """After a power cut, a file may be longer than what was written to it."""
    store, log = opened(tmp_path, segment_bytes=10_000)
    log.append(batch(b"a"), RULES, 1_000)
    whole = held(log)
    store.release()
    (path,) = segments(tmp_path)
    path.write_bytes(path.read_bytes() + bytes(500))
    _, log = opened(tmp_path, segment_bytes=10_000)
    assert held(log) == whole


def test_damage_in_the_middle_is_refused(tmp_path: Path) -> None:
    """What lies behind it must not be lost in silence."""
    store, log = opened(tmp_path)
    for number in range(20):
        log.append(batch(b"%d" % number * 50), RULES, 1_000)
    store.release()
    first = segments(tmp_path)[0]
    first.write_bytes(first.read_bytes()[:-5])
    with pytest.raises(CorruptSegment, match=f"{first.name} is damaged at byte"):
        opened(tmp_path)


def test_a_torn_table_keeps_what_stands_before(tmp_path: Path) -> None:
    """The last entry was never answered."""
    store, _ = opened(tmp_path)
    store.put("a", {"n": 1})
    store.put("b", {"n": 2})
    store.release()
    table = tmp_path / "table.log"
    table.write_bytes(table.read_bytes()[:-3])
    store, _ = opened(tmp_path)
    assert store.table().get("a") == {"n": 1}
    assert "b" not in store.table()
    store.put("c", {"n": 3})
    store.release()
    store, _ = opened(tmp_path)
    assert store.table()["c"] == {"n": 3}


def test_a_table_of_old_entries_is_written_anew(tmp_path: Path) -> None:
    """It does not grow with every commit for ever."""
    store, _ = opened(tmp_path)
    for number in range(1_000):
        store.put("offset", {"n": number})
    store.release()
    long = (tmp_path / "table.log").stat().st_size
    store, _ = opened(tmp_path)
    assert store.table()["offset"] == {"n": 999}
    assert (tmp_path / "table.log").stat().st_size < long / 100


def test_trimming_removes_whole_segments_and_is_kept(tmp_path: Path) -> None:
    """The log begins where it was told to, also after a kill."""
    store, log = opened(tmp_path)
    for number in range(20):
        log.append(batch(b"%d" % number * 50), RULES, 1_000)
    before = len(segments(tmp_path))
    log.trim(15)
    assert len(segments(tmp_path)) < before
    store.release()
    _, log = opened(tmp_path)
    assert (log.start, log.end) == (15, 20)


def test_compaction_is_one_step(tmp_path: Path) -> None:
    """A rewrite whose end a crash prevented leaves the old segments in use."""
    store, log = opened(tmp_path)
    for number in range(20):
        log.append(batch(b"%d" % number * 50), RULES, 1_000)
    before = held(log)
    leftover = tmp_path / "topics/t-1/0/g1"
    leftover.mkdir()
    (leftover / f"{0:020d}.log").write_bytes(b"half a rewrite")
    store.release()
    store, log = opened(tmp_path)
    assert held(log) == before
    assert not leftover.exists()
    assert Compactor(log).run(10_000, CompactionRules(dirty_ratio=0.1))
    assert len(held(log)) == 2  # the last of the key that may be compacted, and the last batch
    store.release()
    _, log = opened(tmp_path)
    assert len(held(log)) == 2
    assert log.end == 20


def test_deleted_topics_leave_nothing(tmp_path: Path) -> None:
    """Also when the process died between forgetting the topic and removing its files."""
    store, log = opened(tmp_path)
    log.append(batch(b"a"), RULES, 1_000)
    store.put("topic/t", None)
    store.release()
    DiskStore(tmp_path).release()
    assert not (tmp_path / "topics/t-1").exists()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    """Two brokers on one folder would ruin it; when the first is gone it is free."""
    store, _ = opened(tmp_path)
    with pytest.raises(StoreError, match="another broker uses"):
        DiskStore(tmp_path)
    store.close()
    DiskStore(tmp_path).close()


def test_folders_that_are_not_ours_are_refused_and_left_alone(tmp_path: Path) -> None:
    """Other files, another version, another program's mark, a plain file."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(StoreError, match="holds files that are not a broker's"):
        DiskStore(tmp_path / "other")
    assert sorted(p.name for p in (tmp_path / "other").iterdir()) == ["thesis.txt"]

    for mark, why in (
        ({"made_by": "callboard", "format": 99}, "has format 99, and this version .* reads 1"),
        ({"made_by": "somebody"}, "is not one of callboard's"),
    ):
        folder = tmp_path / why[:6]
        folder.mkdir()
        (folder / "FORMAT").write_text(json.dumps(mark))
        with pytest.raises(StoreError, match=why):
            DiskStore(folder)
        assert [p.name for p in folder.iterdir()] == ["FORMAT"]

    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="is a file; give a folder"):
        DiskStore(tmp_path / "file")


def test_many_partitions_need_few_descriptors(tmp_path: Path) -> None:
    """Files used long ago are closed, and opened again when they are needed."""
    store, _ = opened(tmp_path)
    logs = [PartitionLog(store.partition("t-1", index)) for index in range(600)]
    for log in logs:
        log.append(batch(b"a"), RULES, 1_000)
    assert store.unsynced
    store.sync()
    assert not store.unsynced
    assert all(len(held(log)) == 1 for log in logs)
    assert len(store._files._open) <= 256
