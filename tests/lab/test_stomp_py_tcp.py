"""stomp.py's own TCP client, with its threads and its heart-beats, holds a conversation with the lab."""

import asyncio
import os
import queue
import threading
from urllib.parse import urlsplit

import pytest

os.environ["STOMP_SKIP_HOSTNAME_SCAN"] = "1"

from stomp import Connection11, Connection12
from stomp.exception import ConnectFailedException
from stomp.listener import ConnectionListener
from stomp.utils import Frame

from tui.lab.lab import running
from tui.lab.policy import Policy
from tui.protocols.heartbeat import Pair

WITHIN = 10.0


class Heard(ConnectionListener):  # type: ignore[misc]
    """What stomp.py's receiver thread tells: frames by kind, beats, the end."""

    def __init__(self) -> None:
        self.frames: queue.Queue[Frame] = queue.Queue()
        self.beats: queue.Queue[None] = queue.Queue()
        self.silence = threading.Event()
        self.ended = threading.Event()

    def on_message(self, frame: Frame) -> None:
        self.frames.put(frame)

    on_receipt = on_error = on_message

    def on_heartbeat(self) -> None:
        self.beats.put(None)

    def on_heartbeat_timeout(self) -> None:
        self.silence.set()

    def on_disconnected(self) -> None:
        self.ended.set()

    def next(self, command: str) -> Frame:
        frame = self.frames.get(timeout=WITHIN)
        assert frame.cmd == command, frame
        return frame


def dial(url: str, kind: type = Connection12, **options: object) -> tuple[Connection12, Heard]:
    parts = urlsplit(url)
    connection = kind([(parts.hostname, parts.port)], reconnect_attempts_max=1, **options)
    heard = Heard()
    connection.set_listener("heard", heard)
    return connection, heard


def converse(url: str) -> None:
    """Everything a client can say; returns when the connection has ended in order."""
    connection, heard = dial(url, heartbeats=(200, 200))
    connection.connect("bob", "secret", wait=True)
    assert connection.is_connected()
    connection.subscribe("/queue/work", id="s-1", ack="client-individual", headers={"receipt": "subscribed"})
    assert heard.next("RECEIPT").headers["receipt-id"] == "subscribed"

    connection.send("/queue/work", "first: 你好", headers={"note": "a:b\\c\nd"})
    first = heard.next("MESSAGE")
    assert (first.body, first.headers["note"]) == ("first: 你好", "a:b\\c\nd")
    connection.ack(first.headers["ack"])

    transaction = connection.begin()
    connection.send("/queue/work", "second", transaction=transaction, receipt="sent")
    assert heard.next("RECEIPT").headers["receipt-id"] == "sent"
    connection.commit(transaction)
    second = heard.next("MESSAGE")
    assert second.body == "second"

    transaction = connection.begin()
    connection.send("/queue/work", "never", transaction=transaction)
    connection.ack(second.headers["ack"], transaction=transaction)
    connection.abort(transaction)
    connection.nack(second.headers["ack"], receipt="refused")
    again = heard.next("MESSAGE")
    assert (again.body, again.headers["redelivered"]) == ("second", "true")
    assert heard.next("RECEIPT").headers["receipt-id"] == "refused"
    connection.ack(again.headers["ack"])

    for _ in range(3):
        heard.beats.get(timeout=WITHIN)
    connection.unsubscribe("s-1")
    connection.disconnect(receipt="bye")
    assert heard.next("RECEIPT").headers["receipt-id"] == "bye"
    assert heard.ended.wait(WITHIN)
    assert not heard.silence.is_set()
    assert heard.frames.empty()


async def test_a_whole_conversation() -> None:
    policy = Policy(users={"bob": "secret"}, beats=Pair(200, 200), grace=5)
    async with running(policy) as urls:
        await asyncio.to_thread(converse, urls["tcp"])


def redeliver(url: str) -> None:
    """One client takes a message and goes; the next one gets it."""
    first, heard = dial(url)
    first.connect("bob", "secret", wait=True)
    first.send("/queue/work", "job")
    first.subscribe("/queue/work", id="1", ack="client")
    assert heard.next("MESSAGE").body == "job"
    first.disconnect()
    assert heard.ended.wait(WITHIN)
    second, heard = dial(url, Connection11)
    second.connect("bob", "secret", wait=True)
    second.subscribe("/queue/work", id="2", ack="client")
    job = heard.next("MESSAGE")
    assert (job.body, job.headers["redelivered"]) == ("job", "true")
    second.ack(job.headers["message-id"], "2", receipt="acked")
    assert heard.next("RECEIPT").headers["receipt-id"] == "acked"
    second.disconnect()
    assert heard.ended.wait(WITHIN)


async def test_what_one_did_not_acknowledge_the_next_gets() -> None:
    async with running() as urls:
        await asyncio.to_thread(redeliver, urls["tcp"])


def be_refused(url: str) -> None:
    connection, heard = dial(url)
    with pytest.raises(ConnectFailedException):
        connection.connect("bob", "wrong", wait=True)
    error = heard.next("ERROR")
    assert (error.headers["message"], error.body) == ("Bad CONNECT", "Access refused for user 'bob'")
    assert heard.ended.wait(WITHIN)


async def test_a_wrong_passcode() -> None:
    async with running(Policy(users={"bob": "secret"})) as urls:
        await asyncio.to_thread(be_refused, urls["tcp"])
