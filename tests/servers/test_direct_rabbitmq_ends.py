"""A RabbitMQ 3.10 of each test's own, met directly: stopped, killed, or with a patience of its own."""

import os
import signal

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.joined import GUEST, beaten, join, subscribe
from tests.servers.looks import looked
from tests.servers.nginx import Certificate
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

LARGE = 12_000_000


async def test_it_is_stopped_while_three_are_in(own_broker: RabbitMq, recorder: Recorder) -> None:
    """By SIGTERM, as its service manager does it: it goes in its own order and is not back soon."""
    urls = [f"{transport}={own_broker.at(transport)}" for transport in ("ws", "tcp", "tls")]
    words = (*urls, *own_broker.trust, *LOGIN, "--heart-beat", "1200,1200", "--stdin")
    async with probing(*words, **POSTMORTEM) as watch:
        for name in ("ws", "tcp", "tls"):
            await seen(watch, "stomp", name, command="CONNECTED")
        await subscribe(watch, "tcp", "/topic/news")
        for n in range(3):
            await ask(watch, f"stomp-send /topic/news {n}", "ws")
        await seen(watch, "stomp", "tcp", command="MESSAGE", count=3)
        os.kill(own_broker.pid, signal.SIGTERM)
        await looked(watch, "ws", "tcp", "tls", ok=False)
        await watch.finish()
    for name in ("ws", "tcp", "tls"):
        assert watch.the("close", name)["initiator"] == "remote"
    recorder.keep("direct-rabbitmq-sigterm-three-ways", watch)


async def test_it_is_killed_under_a_lone_client_that_does_not_look(own_broker: RabbitMq, recorder: Recorder) -> None:
    """No beats, no sibling, no look afterwards: all that comes is the end of TCP."""
    async with probing(own_broker.tcp_url, *LOGIN, "--heart-beat", "0,0", "--no-postmortem", "--stdin") as watch:
        await seen(watch, "stomp", command="CONNECTED")
        await subscribe(watch, "A", "/queue/jobs")
        await ask(watch, "stomp-send /queue/jobs one")
        await seen(watch, "stomp", command="MESSAGE")
        own_broker.sigkill()
        await seen(watch, "close")
        assert await watch.finish() == 1
    assert watch.the("close")["transport"]["how"] == "fin"
    recorder.keep("direct-rabbitmq-lone-sigkill-no-look", watch)


async def test_it_is_killed_in_the_middle_of_a_message(own_broker: RabbitMq, recorder: Recorder) -> None:
    """One of two readers does nothing for a while: the rest of a large message was still the broker's."""
    words = (*LOGIN, "--no-compression", "--heart-beat", "0,0", "--subscribe", "/topic/large", "--stdin")
    async with probing(f"reader={own_broker.url}", f"writer={own_broker.url}", *words, **POSTMORTEM) as watch:
        for name in ("reader", "writer"):
            await seen(watch, "stomp", name, command="CONNECTED")
        await subscribe(watch, "reader", "/topic/ready")
        await ask(watch, "freeze 4", "reader")
        await ask(watch, f"send-repeat x {LARGE}", "writer")
        await seen(watch, "stomp", "writer", command="MESSAGE")
        own_broker.sigkill()
        await looked(watch, "reader", "writer", ok=False)
        assert await watch.finish() == 1
    assert watch.the("close", "reader")["transport"]["undecoded"] > 0
    recorder.keep("direct-rabbitmq-killed-mid-message", watch)


async def test_a_websocket_that_never_logs_in(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Its patience with a silent WebSocket is four seconds; who beats stays."""
    broker = start(RabbitMq, certificate, conf=("web_stomp.ws_opts.idle_timeout = 4000",))
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "known", broker.url, GUEST, "1500,1500")
        opened = await open_session(watch, name="silent", url=broker.url, no_stomp_connect=True)
        assert opened["ok"] is True
        await looked(watch, "silent")
        await beaten(watch, "known", 1)
        await watch.command("quit")
        assert await watch.finish() == 1
    close = watch.the("close", "silent")
    assert close["initiator"] == "remote" and 3.5 < close["age"] < 6
    recorder.keep("direct-rabbitmq-ws-no-connect", watch)
