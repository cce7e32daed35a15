"""The two legacy systems: one writes flights to RabbitMQ, one to ActiveMQ, each as JSON.

Half of the aircraft belong to each, so that the flights of an aircraft are in one queue, in order.
Nothing here knows of callboard's actors.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import stompman

from callboard.demo import find_archive, read_flights
from callboard.demo.v1.flights_pb2 import Flight

RABBITMQ = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/")
ACTIVEMQ = os.environ.get("ACTIVEMQ_URL", "stomp://127.0.0.1:61613")
QUEUE = "flights"
PIECE = 500


def is_northern(tail: str) -> bool:
    """Tell whose an aircraft is."""
    return sum(tail.encode()) % 2 == 0


def northern(tail: str, flight: Flight) -> dict[str, Any]:
    """Write a flight as the first system does: flat."""
    return {
        "tail": tail,
        "row": flight.row,
        "month": flight.month,
        "day": flight.day,
        "carrier": flight.carrier,
        "flight": flight.number,
        "from": flight.origin,
        "to": flight.destination,
        "departed": flight.departure_time if flight.HasField("departure_time") else None,
        "late": flight.departure_delay if flight.HasField("departure_delay") else None,
        "arrived": flight.arrival_time if flight.HasField("arrival_time") else None,
        "arrived_late": flight.arrival_delay if flight.HasField("arrival_delay") else None,
        "miles": flight.distance_miles,
    }


def southern(tail: str, flight: Flight) -> dict[str, Any]:
    """Write a flight as the second system does: objects in objects, and numbers as text."""
    flat = northern(tail, flight)
    return {
        "aircraft": tail,
        "date": {"month": flight.month, "day": flight.day},
        "flight": {"carrier": flight.carrier, "number": str(flight.number)},
        "legs": [
            {"airport": flat["from"], "at": flat["departed"], "delay": flat["late"]},
            {"airport": flat["to"], "at": flat["arrived"], "delay": flat["arrived_late"]},
        ],
        "miles": flight.distance_miles,
    }


async def to_rabbitmq(flights: list[tuple[str, Flight]]) -> None:
    """Publish flights, each confirmed and durable, with an id."""
    async with await aio_pika.connect(RABBITMQ) as connection:
        channel = await connection.channel(publisher_confirms=True)
        await channel.declare_queue(QUEUE, durable=True)
        for piece in pieces(flights):
            messages = [
                aio_pika.Message(
                    json.dumps(northern(tail, flight)).encode(),
                    message_id=f"north-{flight.row}",
                    content_type="application/json",
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                )
                for tail, flight in piece
            ]
            await asyncio.gather(
                *(channel.default_exchange.publish(each, QUEUE) for each in messages)
            )


async def to_activemq(flights: list[tuple[str, Flight]]) -> None:
    """Send flights; the receipt of a piece's last stands for those before it."""
    at = urlsplit(ACTIVEMQ)
    server = stompman.ConnectionParameters(
        at.hostname or "", at.port or 61613, at.username or "", at.password or ""
    )
    async with stompman.Client([server]) as client:
        for piece in pieces(flights):
            for tail, flight in piece:
                await client.send(
                    json.dumps(southern(tail, flight)).encode(),
                    f"/queue/{QUEUE}",
                    content_type="application/json",
                    headers={"persistent": "true", "row": str(flight.row)},
                    receipt_timeout=30.0 if flight is piece[-1][1] else None,
                )


def pieces(flights: list[tuple[str, Flight]]) -> Iterable[list[tuple[str, Flight]]]:
    """Return flights by the piece."""
    return (flights[first : first + PIECE] for first in range(0, len(flights), PIECE))


async def main(count: int) -> None:
    """Fill both queues with the first rows of the file."""
    flights = list(read_flights(find_archive(), count))
    north = [each for each in flights if is_northern(each[0])]
    south = [each for each in flights if not is_northern(each[0])]
    await asyncio.gather(to_rabbitmq(north), to_activemq(south))
    print(f"{len(north):,} flights in RabbitMQ, {len(south):,} in ActiveMQ")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
