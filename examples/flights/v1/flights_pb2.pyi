from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Flight(_message.Message):
    __slots__ = ("row", "month", "day", "carrier", "number", "origin", "destination", "departure_time", "departure_delay", "arrival_time", "arrival_delay", "distance_miles")
    ROW_FIELD_NUMBER: _ClassVar[int]
    MONTH_FIELD_NUMBER: _ClassVar[int]
    DAY_FIELD_NUMBER: _ClassVar[int]
    CARRIER_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    DEPARTURE_TIME_FIELD_NUMBER: _ClassVar[int]
    DEPARTURE_DELAY_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_TIME_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_DELAY_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_MILES_FIELD_NUMBER: _ClassVar[int]
    row: int
    month: int
    day: int
    carrier: str
    number: int
    origin: str
    destination: str
    departure_time: int
    departure_delay: int
    arrival_time: int
    arrival_delay: int
    distance_miles: int
    def __init__(self, row: _Optional[int] = ..., month: _Optional[int] = ..., day: _Optional[int] = ..., carrier: _Optional[str] = ..., number: _Optional[int] = ..., origin: _Optional[str] = ..., destination: _Optional[str] = ..., departure_time: _Optional[int] = ..., departure_delay: _Optional[int] = ..., arrival_time: _Optional[int] = ..., arrival_delay: _Optional[int] = ..., distance_miles: _Optional[int] = ...) -> None: ...

class Departed(_message.Message):
    __slots__ = ("delay_minutes", "distance_miles")
    DELAY_MINUTES_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_MILES_FIELD_NUMBER: _ClassVar[int]
    delay_minutes: int
    distance_miles: int
    def __init__(self, delay_minutes: _Optional[int] = ..., distance_miles: _Optional[int] = ...) -> None: ...

class Arrived(_message.Message):
    __slots__ = ("delay_minutes", "distance_miles")
    DELAY_MINUTES_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_MILES_FIELD_NUMBER: _ClassVar[int]
    delay_minutes: int
    distance_miles: int
    def __init__(self, delay_minutes: _Optional[int] = ..., distance_miles: _Optional[int] = ...) -> None: ...

class Cancelled(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AircraftState(_message.Message):
    __slots__ = ("flights", "cancelled", "delay_minutes", "distance_miles", "last_arrival")
    FLIGHTS_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    DELAY_MINUTES_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_MILES_FIELD_NUMBER: _ClassVar[int]
    LAST_ARRIVAL_FIELD_NUMBER: _ClassVar[int]
    flights: int
    cancelled: int
    delay_minutes: int
    distance_miles: int
    last_arrival: str
    def __init__(self, flights: _Optional[int] = ..., cancelled: _Optional[int] = ..., delay_minutes: _Optional[int] = ..., distance_miles: _Optional[int] = ..., last_arrival: _Optional[str] = ...) -> None: ...

class AirportState(_message.Message):
    __slots__ = ("flights", "cancelled", "delay_minutes", "distance_miles")
    FLIGHTS_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    DELAY_MINUTES_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_MILES_FIELD_NUMBER: _ClassVar[int]
    flights: int
    cancelled: int
    delay_minutes: int
    distance_miles: int
    def __init__(self, flights: _Optional[int] = ..., cancelled: _Optional[int] = ..., delay_minutes: _Optional[int] = ..., distance_miles: _Optional[int] = ...) -> None: ...
