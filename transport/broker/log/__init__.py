"""The log: partitions of record batches, and where their bytes are kept. Pure but for the store.

    _batch        a batch's header, and the fields a broker sets
    _records      the records inside, where they must be looked at
    _partition    one partition: append, read, look up, trim
    _producers    idempotence: duplicates and gaps
    _transactions which transactions are open, and which were aborted
    _compaction   of each key, the last record
    _storage      the port to one partition's bytes, and memory behind it
    _store        the port to everything a broker keeps, and memory behind it

What asks for nothing but bytes never looks inside a batch.
"""

from ._batch import Batch, checksum_holds, read_header
from ._compaction import CompactionRules, Compactor
from ._disk_store import CorruptSegment, DiskStore, StoreError
from ._partition import Appended, PartitionLog, Rules, Slice
from ._producers import Producers
from ._records import CodecMissing, Record, records_of
from ._storage import MemoryStorage, Place, Storage, StorageFull
from ._store import MemoryStore, Store, Value

__all__ = [
    "Appended",
    "Batch",
    "CodecMissing",
    "CompactionRules",
    "Compactor",
    "CorruptSegment",
    "DiskStore",
    "MemoryStorage",
    "MemoryStore",
    "PartitionLog",
    "Place",
    "Producers",
    "Record",
    "Rules",
    "Slice",
    "Storage",
    "StorageFull",
    "Store",
    "StoreError",
    "Value",
    "checksum_holds",
    "read_header",
    "records_of",
]
