from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Transfer(_message.Message):
    __slots__ = ("id", "to", "cents")
    ID_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    CENTS_FIELD_NUMBER: _ClassVar[int]
    id: str
    to: str
    cents: int
    def __init__(self, id: _Optional[str] = ..., to: _Optional[str] = ..., cents: _Optional[int] = ...) -> None: ...

class Sent(_message.Message):
    __slots__ = ("id", "accepted")
    ID_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    id: str
    accepted: bool
    def __init__(self, id: _Optional[str] = ..., accepted: bool = ...) -> None: ...

class Credit(_message.Message):
    __slots__ = ("id", "cents")
    ID_FIELD_NUMBER: _ClassVar[int]
    CENTS_FIELD_NUMBER: _ClassVar[int]
    id: str
    cents: int
    def __init__(self, id: _Optional[str] = ..., cents: _Optional[int] = ...) -> None: ...

class Show(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AccountState(_message.Message):
    __slots__ = ("opened", "cents", "debited", "credited")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    CENTS_FIELD_NUMBER: _ClassVar[int]
    DEBITED_FIELD_NUMBER: _ClassVar[int]
    CREDITED_FIELD_NUMBER: _ClassVar[int]
    opened: bool
    cents: int
    debited: _containers.RepeatedScalarFieldContainer[str]
    credited: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, opened: bool = ..., cents: _Optional[int] = ..., debited: _Optional[_Iterable[str]] = ..., credited: _Optional[_Iterable[str]] = ...) -> None: ...

class Say(_message.Message):
    __slots__ = ("guest", "number")
    GUEST_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    guest: str
    number: int
    def __init__(self, guest: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class RoomState(_message.Message):
    __slots__ = ("said",)
    SAID_FIELD_NUMBER: _ClassVar[int]
    said: _containers.RepeatedCompositeFieldContainer[Say]
    def __init__(self, said: _Optional[_Iterable[_Union[Say, _Mapping]]] = ...) -> None: ...

class Put(_message.Message):
    __slots__ = ("number", "bad")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    BAD_FIELD_NUMBER: _ClassVar[int]
    number: int
    bad: bool
    def __init__(self, number: _Optional[int] = ..., bad: bool = ...) -> None: ...

class ShelfState(_message.Message):
    __slots__ = ("numbers",)
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    numbers: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, numbers: _Optional[_Iterable[int]] = ...) -> None: ...
