"""Two nodes of one system: what reaches an actor of the other, and what does not."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import BytesValue, Int64Value, StringValue
from structlog.testing import capture_logs
from support.consuming import fresh
from support.neighbors import Caller, Desk, Till, letters, two
from support.small_apps import within

from callboard import (
    Actor,
    ActorFailed,
    ActorRef,
    ActorStopped,
    ActorSystem,
    AskTimeout,
    MailboxFull,
    MailboxOptions,
    MessageTooLarge,
    NodeDown,
    NodeUnreachable,
    NodeUp,
    SchemaError,
    ServiceKey,
    TransportUnavailable,
    UnexpectedReply,
    handler,
)
from callboard.transport.delivery import partition_for

ECHO: ServiceKey[Any] = ServiceKey("echo")


async def test_the_same_verbs_reach_an_actor_elsewhere(broker_url: str) -> None:
    """Tell, send and ask, in order; the sender is known, and reached, by its address."""
    heard: list[Any] = []
    async with two(broker_url) as (one, other):
        desk = other.spawn(Desk, heard, name="desk")
        far = one.ref(desk.address)
        assert far.address == desk.address == f"callboard://{one.name}/other/user/desk"
        assert far != desk, "seen from its own node it is another place"
        for number in range(100):
            far.tell(Int64Value(value=number))
        await far.send(Int64Value(value=100))
        assert (await far.ask(Int64Value(value=101), timeout=20.0)).value == 101
        assert heard == list(range(102))
        assert await far.ask(StringValue(value="nothing"), timeout=20.0) is None
        assert (await far.ask(StringValue(value="who"), timeout=20.0)).value == ""
        caller = one.spawn(Caller, desk.address, heard, name="caller")
        who = await caller.ask(StringValue(value="who"), timeout=20.0)
        assert who.value == caller.address
        assert (await caller.ask(StringValue(value="forward"), timeout=20.0)).value == 8
        caller.tell(StringValue(value="answer"))
        await within(30.0, lambda: heard[-1] == "answered")


async def test_failures_come_back_as_what_they_are(broker_url: str) -> None:
    """Typed, with the address of the one that failed; nothing waits for its time-out."""
    async with two(broker_url) as (one, other):
        far = one.ref(other.spawn(Desk, [], name="desk").address)
        began = time.monotonic()
        with pytest.raises(ActorFailed, match="ValueError: -1 is below zero") as failed:
            await far.ask(Int64Value(value=-1), timeout=30.0)
        assert failed.value.target == far.address
        with pytest.raises(ActorStopped, match="other/user/nobody"):
            await one.ref(f"callboard://{one.name}/other/user/nobody").ask(Empty(), timeout=30.0)
        with pytest.raises(ActorFailed, match="no handler for Empty"):
            await far.ask(Empty(), timeout=30.0)
        with pytest.raises(ActorFailed, match="SchemaError: got dict"):
            await far.ask(StringValue(value="untold"), timeout=30.0)
        with pytest.raises(UnexpectedReply, match="expected StringValue"):
            await far.ask(Int64Value(value=1), timeout=30.0, reply_type=StringValue)
        verbs: list[Callable[[Any], Any]] = [far.tell, far.send, partial(far.ask, timeout=30.0)]
        for verb in verbs:
            with pytest.raises(SchemaError, match="got str"):
                await _maybe(verb("no protobuf"))
        with pytest.raises(MessageTooLarge):
            far.tell(BytesValue(value=bytes(1_000_000)))
        tight = other.spawn(
            Desk, [], name="tight", mailbox=MailboxOptions(1, overflow="drop_newest")
        )
        squeezed = one.ref(tight.address)
        slow = asyncio.create_task(squeezed.ask(StringValue(value="slow"), timeout=30.0))
        await asyncio.sleep(0.3)
        squeezed.tell(Int64Value(value=1))
        with pytest.raises(MailboxFull):
            await squeezed.ask(Int64Value(value=2), timeout=30.0)
        await slow
        assert time.monotonic() - began < 15.0
        with pytest.raises(AskTimeout):
            await far.ask(StringValue(value="slow"), timeout=0.2)


async def _maybe(result: Any) -> None:
    if result is not None:
        await result


async def test_a_node_that_is_not_there_is_said_to_be(broker_url: str) -> None:
    """It never was: known after the time-out. It has stopped: known at once."""
    async with two(broker_url) as (one, _):
        lost = letters(one)
        never = one.ref(f"callboard://{one.name}/never/user/desk")
        with pytest.raises(NodeUnreachable, match="no node 'never' was ever heard of"):
            await never.ask(Empty(), timeout=20.0)
        never.tell(Empty())
        assert "no node 'never'" in lost[-1].reason
        with pytest.raises(NodeUnreachable):
            await never.send(Empty())
        url = f"kafka://{broker_url}?session_timeout=2"
        async with ActorSystem(one.name, transport=url, node="brief") as brief:
            desk = brief.spawn(Desk, [], name="desk")
            far = one.ref(desk.address)
            assert (await far.ask(Int64Value(value=1), timeout=20.0)).value == 1
            waiting = asyncio.create_task(far.ask(StringValue(value="slow"), timeout=20.0))
            await asyncio.sleep(0.3)
        assert await waiting is None, "stopping in good order, it finished what it had in hand"
        await within(30.0, lambda: "brief" not in one.nodes())
        with pytest.raises(NodeUnreachable, match="it has stopped"):
            await far.ask(Int64Value(value=1), timeout=20.0)


async def test_an_entity_tells_an_actor_elsewhere_once(broker_url: str) -> None:
    """What its handler tells leaves when it has succeeded, however often it was tried."""
    heard: list[Any] = []
    async with two(broker_url) as (one, other):
        Till.desk = other.spawn(Desk, heard, name="desk").address
        till = one.entity(Till, "t1")
        for number in range(20):
            await till.ask(Int64Value(value=number), timeout=20.0)
        await within(30.0, lambda: len(heard) >= 20)
        assert heard == list(range(20))
        with pytest.raises(LookupError, match="this node knows none"):
            other.ref(till.address)
        assert one.ref(till.address) == till
        caller = one.spawn(Caller, till.address, heard)
        with pytest.raises(ActorFailed, match="An entity is always there"):
            await caller.ask(StringValue(value="watch"), timeout=20.0)


async def test_an_actor_elsewhere_is_watched(broker_url: str) -> None:
    """Its end is told with its reason; a restart is none; a watch taken back tells nothing."""
    heard: list[Any] = []
    async with two(broker_url) as (one, other):
        desk = other.spawn(Desk, [], name="desk")
        caller = one.spawn(Caller, desk.address, heard)
        fickle_heard: list[Any] = []
        fickle = one.spawn(Caller, desk.address, fickle_heard)
        for text in ("watch", "who"):
            await caller.ask(StringValue(value=text), timeout=20.0)
            await fickle.ask(StringValue(value=text), timeout=20.0)
        await fickle.ask(StringValue(value="unwatch"), timeout=20.0)
        one.ref(desk.address).tell(Int64Value(value=-1))
        assert (await one.ref(desk.address).ask(Int64Value(value=1), timeout=20.0)).value == 1
        assert not heard
        other.kill(desk)
        await within(30.0, lambda: bool(heard))
        (gone,) = heard
        assert (gone.ref.address, gone.reason, gone.node_down) == (desk.address, "killed", None)
        await caller.ask(StringValue(value="watch"), timeout=20.0)
        await within(30.0, lambda: len(heard) == 2)
        assert heard[1].reason == "stopped", "nobody has that name now"
        assert not fickle_heard


async def test_what_an_actor_elsewhere_cannot_do_is_said(broker_url: str) -> None:
    """Each with what to do instead."""
    async with two(broker_url) as (one, other):
        far = one.ref(other.spawn(Desk, [], name="desk").address)
        assert isinstance(far, ActorRef)
        for act in (one.stop, one.kill):
            with pytest.raises(TypeError, match="tell it a message on which it stops itself"):
                act(far)
        with pytest.raises(TypeError, match="it registers with its own node"):
            one.receptionist.register(ECHO, far)
        assert one.mailbox(far).waiting == 0

        class Linker(Actor):
            @handler
            def link(self, message: Empty) -> None:
                assert isinstance(far, ActorRef)
                self.context.link(far)

        with pytest.raises(ActorFailed, match="only actors of one process die together"):
            await one.spawn(Linker).ask(Empty(), timeout=20.0)


async def test_services_of_all_nodes_are_found(broker_url: str) -> None:
    """Subscribers hear of those that come and go elsewhere, and each is a ref to be used."""
    heard: list[Any] = []
    async with two(broker_url) as (one, other):
        caller = one.spawn(Caller, "", heard)
        one.receptionist.subscribe(ECHO, caller)
        mine = one.spawn(Desk, [], name="mine")
        one.receptionist.register(ECHO, mine)
        desk = other.spawn(Desk, [], name="desk")
        other.receptionist.register(ECHO, desk)
        await within(30.0, lambda: heard[-1:] == [[mine.address, desk.address]])
        await within(30.0, lambda: len(other.receptionist.find(ECHO)) == 2)
        assert one.receptionist.keys() == (ECHO,)
        far = one.receptionist.find(ECHO)[1]
        assert (await far.ask(Int64Value(value=3), timeout=20.0)).value == 3
        other.kill(desk)
        await within(30.0, lambda: heard[-1] == [mine.address])
        other.receptionist.register(ECHO, other.spawn(Desk, [], name="second"))
        await within(30.0, lambda: len(one.receptionist.find(ECHO)) == 2)
        other.terminate()
        await within(30.0, lambda: heard[-1] == [mine.address])


async def test_mail_of_strangers_harms_nobody(broker_url: str) -> None:
    """What comes twice, too late, or cut is a dead letter or a line; the node goes on."""
    heard: list[Any] = []
    async with two(broker_url) as (one, other):
        lost = letters(other)
        desk = other.spawn(Desk, heard, name="desk")
        number = Int64Value(value=1).SerializeToString()
        kind = ("ce_type", b"google.protobuf.Int64Value")
        to = ("cb_to", b"desk")
        late = ("cb_deadline", str(int((time.time() - 5) * 1000)).encode())
        back = ("cb_reply_to", f"{one.name}.nodes/0/one".encode())
        twice = [kind, to, ("ce_id", b"s~1:7.0"), ("cb_floor", b"7")]
        mail: list[tuple[bytes | None, list[tuple[str, bytes]]]] = [
            (number, [kind, to]),
            (number, twice),
            (number, twice),
            (number, [kind, to, back, late]),
            (b"\xff\xff", [kind, to]),
            (None, [kind, to]),
            (number, [("ce_type", b"no.Such"), to]),
            (number, [to]),
            (number, [kind, ("cb_to", b"\xff\xfe/%00")]),
            (number, [kind, to, ("ce_source", b"\xff")]),
            (number, [kind]),
            (b"\xff", [("ce_type", b"callboard.schemas.v1.Watch")]),
            (b"", [("cb_status", b"ok"), ("cb_correlation", b"nobody")]),
            (b"", []),
        ]
        producer = AIOKafkaProducer(bootstrap_servers=broker_url)
        await producer.start()
        with capture_logs() as lines:
            for value, headers in mail:
                await producer.send_and_wait(
                    f"{one.name}.nodes",
                    value,
                    key=b"other",
                    headers=headers,
                    partition=partition_for(b"other", 4),
                )
            await producer.send_and_wait(f"{one.name}.members", b"\xff", key=b"x", partition=0)
            answer = await one.ref(desk.address).ask(Int64Value(value=2), timeout=20.0)
            await within(30.0, lambda: any("heartbeat" in str(each["event"]) for each in lines))
        await producer.stop()
        assert answer.value == 2
        assert heard == [1, 1, 1, 2], "plain, once of the two, of an unknown sender, the last"
        reasons = [each.reason for each in lost]
        assert reasons[0] == "its asker's deadline had passed"
        assert [reason for reason in reasons if "are not a whole" in reason]
        assert [reason for reason in reasons if "tombstone" in reason]
        assert [reason for reason in reasons if "no class is known for 'no.Such'" in reason]
        assert [reason for reason in reasons if reason == "no actor has that name"]
        assert [line for line in lines if "nobody can take" in str(line["event"])]
        assert not [line for line in lines if line["log_level"] == "error"]


async def test_a_name_given_to_two_processes_is_noticed(broker_url: str) -> None:
    """Both would get mail that is for the other: an error says so, once."""
    async with two(broker_url) as (one, other):
        url = f"kafka://{broker_url}?session_timeout=2"
        with capture_logs() as lines:
            async with ActorSystem(one.name, transport=url, node="other"):
                await within(30.0, lambda: _namesakes(lines) >= 1)
                await asyncio.sleep(1.2)
        assert _namesakes(lines) <= 2, "each of the two says it once"
        assert other.running


def _namesakes(lines: list[Any]) -> int:
    return len([each for each in lines if "the same node name" in str(each["event"])])


async def test_events_tell_of_nodes(broker_url: str) -> None:
    """Of this node too; and a node on memory is one of one."""
    seen: list[Any] = []
    url = f"kafka://{broker_url}?session_timeout=2"
    system = ActorSystem(fresh("events"), transport=url, node="one")
    for kind in (NodeUp, NodeDown):
        system.events.subscribe(kind, seen.append)
    async with system:
        await within(30.0, lambda: seen == [NodeUp("one")])
    async with ActorSystem("alone") as alone:
        assert alone.nodes() == ()
        alone.ref("callboard://alone/elsewhere/user/x")
        await within(30.0, lambda: alone.nodes() == (alone.node,))


async def test_a_node_with_a_name_joins_when_it_is_entered() -> None:
    """So it says there that no broker answers; one without a name has not asked yet."""
    with pytest.raises(TransportUnavailable, match=r"127\.0\.0\.1:1"):
        async with ActorSystem("alone", transport="kafka://127.0.0.1:1", node="one"):
            raise AssertionError("nobody answers there")
    async with ActorSystem("alone", transport="kafka://127.0.0.1:1") as system:
        assert system.nodes() == ()
