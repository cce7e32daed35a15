from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Refusal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSAL_UNSPECIFIED: _ClassVar[Refusal]
    REFUSAL_STOPPED: _ClassVar[Refusal]
    REFUSAL_FULL: _ClassVar[Refusal]
REFUSAL_UNSPECIFIED: Refusal
REFUSAL_STOPPED: Refusal
REFUSAL_FULL: Refusal

class SourceWindow(_message.Message):
    __slots__ = ("source", "floor", "seen", "holes")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    FLOOR_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    HOLES_FIELD_NUMBER: _ClassVar[int]
    source: str
    floor: int
    seen: _containers.RepeatedScalarFieldContainer[int]
    holes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, source: _Optional[str] = ..., floor: _Optional[int] = ..., seen: _Optional[_Iterable[int]] = ..., holes: _Optional[_Iterable[int]] = ...) -> None: ...

class DedupWindow(_message.Message):
    __slots__ = ("sources",)
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    sources: _containers.RepeatedCompositeFieldContainer[SourceWindow]
    def __init__(self, sources: _Optional[_Iterable[_Union[SourceWindow, _Mapping]]] = ...) -> None: ...

class OwnedPartition(_message.Message):
    __slots__ = ("topic", "partition")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    topic: str
    partition: int
    def __init__(self, topic: _Optional[str] = ..., partition: _Optional[int] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("node", "at", "owned", "counters", "leaving", "run", "stopping", "services")
    class CountersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NODE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    OWNED_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    LEAVING_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    STOPPING_FIELD_NUMBER: _ClassVar[int]
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    node: str
    at: float
    owned: _containers.RepeatedCompositeFieldContainer[OwnedPartition]
    counters: _containers.ScalarMap[str, int]
    leaving: bool
    run: str
    stopping: bool
    services: _containers.RepeatedCompositeFieldContainer[Service]
    def __init__(self, node: _Optional[str] = ..., at: _Optional[float] = ..., owned: _Optional[_Iterable[_Union[OwnedPartition, _Mapping]]] = ..., counters: _Optional[_Mapping[str, int]] = ..., leaving: bool = ..., run: _Optional[str] = ..., stopping: bool = ..., services: _Optional[_Iterable[_Union[Service, _Mapping]]] = ...) -> None: ...

class Service(_message.Message):
    __slots__ = ("key", "names")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    key: str
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, key: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ...) -> None: ...

class Watch(_message.Message):
    __slots__ = ("names", "off")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    OFF_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    off: bool
    def __init__(self, names: _Optional[_Iterable[str]] = ..., off: bool = ...) -> None: ...

class Ended(_message.Message):
    __slots__ = ("names", "reason")
    NAMES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    def __init__(self, names: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ...) -> None: ...

class FailureEvent(_message.Message):
    __slots__ = ("at", "node", "path", "message_type", "message_id", "error_type", "error", "traceback", "decision", "attempt", "delay", "suppressed")
    AT_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_TYPE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DELAY_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    at: float
    node: str
    path: str
    message_type: str
    message_id: str
    error_type: str
    error: str
    traceback: str
    decision: str
    attempt: int
    delay: float
    suppressed: int
    def __init__(self, at: _Optional[float] = ..., node: _Optional[str] = ..., path: _Optional[str] = ..., message_type: _Optional[str] = ..., message_id: _Optional[str] = ..., error_type: _Optional[str] = ..., error: _Optional[str] = ..., traceback: _Optional[str] = ..., decision: _Optional[str] = ..., attempt: _Optional[int] = ..., delay: _Optional[float] = ..., suppressed: _Optional[int] = ...) -> None: ...

class AskFailure(_message.Message):
    __slots__ = ("path", "error_type", "error", "refusal", "message_type", "capacity")
    PATH_FIELD_NUMBER: _ClassVar[int]
    ERROR_TYPE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_TYPE_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    path: str
    error_type: str
    error: str
    refusal: Refusal
    message_type: str
    capacity: int
    def __init__(self, path: _Optional[str] = ..., error_type: _Optional[str] = ..., error: _Optional[str] = ..., refusal: _Optional[_Union[Refusal, str]] = ..., message_type: _Optional[str] = ..., capacity: _Optional[int] = ...) -> None: ...
