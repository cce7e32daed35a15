from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Trouble(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NONE: _ClassVar[Trouble]
    SLOW: _ClassVar[Trouble]
    FLAKY: _ClassVar[Trouble]
    UNWANTED: _ClassVar[Trouble]
    STUCK: _ClassVar[Trouble]
    UNBILLABLE: _ClassVar[Trouble]
    UNPAYABLE: _ClassVar[Trouble]
    UNCOUNTABLE: _ClassVar[Trouble]
NONE: Trouble
SLOW: Trouble
FLAKY: Trouble
UNWANTED: Trouble
STUCK: Trouble
UNBILLABLE: Trouble
UNPAYABLE: Trouble
UNCOUNTABLE: Trouble

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

class Order(_message.Message):
    __slots__ = ("customer", "number", "product", "trouble")
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    customer: str
    number: int
    product: str
    trouble: Trouble
    def __init__(self, customer: _Optional[str] = ..., number: _Optional[int] = ..., product: _Optional[str] = ..., trouble: _Optional[_Union[Trouble, str]] = ...) -> None: ...

class Scrap(_message.Message):
    __slots__ = ("customer", "number")
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    customer: str
    number: int
    def __init__(self, customer: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class Bill(_message.Message):
    __slots__ = ("order", "customer", "trouble", "attempt")
    ORDER_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    order: str
    customer: str
    trouble: Trouble
    attempt: int
    def __init__(self, order: _Optional[str] = ..., customer: _Optional[str] = ..., trouble: _Optional[_Union[Trouble, str]] = ..., attempt: _Optional[int] = ...) -> None: ...

class Ship(_message.Message):
    __slots__ = ("holder", "customer", "number")
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    holder: str
    customer: str
    number: int
    def __init__(self, holder: _Optional[str] = ..., customer: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class Count(_message.Message):
    __slots__ = ("order",)
    ORDER_FIELD_NUMBER: _ClassVar[int]
    order: str
    def __init__(self, order: _Optional[str] = ...) -> None: ...

class BookState(_message.Message):
    __slots__ = ("billed", "shipped", "counted")
    BILLED_FIELD_NUMBER: _ClassVar[int]
    SHIPPED_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FIELD_NUMBER: _ClassVar[int]
    billed: _containers.RepeatedScalarFieldContainer[str]
    shipped: _containers.RepeatedScalarFieldContainer[str]
    counted: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, billed: _Optional[_Iterable[str]] = ..., shipped: _Optional[_Iterable[str]] = ..., counted: _Optional[_Iterable[str]] = ...) -> None: ...
