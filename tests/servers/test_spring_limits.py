"""What Spring applications with settings of their own do to clients, and what ``watch`` says of it."""

import itertools
import os
import signal

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.test_spring import assert_ended_by, error, header

pytestmark = pytest.mark.real


@pytest.mark.extra
async def test_tomcats_idle_timeout_and_an_orderly_end(start: Starter, recorder: Recorder) -> None:
    """Tomcat looks every ten seconds for sessions idle longer than its timeout."""
    spring = start(Spring, heart_beat="", tomcat_idle=1000)
    watch, status = await run(spring.ws_url)
    assert status == 1
    close = watch.the("close")
    assert header(watch.the("stomp", command="CONNECTED"), "heart-beat") == "0,0"
    assert (close["code"], close["initiator"], close["clean"]) == (1001, "remote", True)
    assert close["reason"].endswith("idle timeout expired")
    assert 1 <= close["idle_any"] <= 12
    recorder.keep("spring-tomcat-idle", watch)

    async with probing(spring.ws_url) as watch:
        await seen(watch, "stomp", command="CONNECTED")
        os.kill(spring.pid, signal.SIGTERM)
        await seen(watch, "close")
        assert await watch.finish() == 1
    close = watch.the("close")  # it ends in order, and yet without a Close
    assert (close["code"], close["initiator"], close["transport"]["how"]) == (1006, "remote", "fin")
    recorder.keep("spring-sigterm", watch)


@pytest.mark.extra
async def test_a_full_inbound_channel_takes_punctual_beats_for_missed_ones(start: Starter, recorder: Recorder) -> None:
    spring = start(Spring, heart_beat="500,500", inbound_threads=1)
    async with probing(
        f"busy={spring.ws_url}", f"punctual={spring.ws_url}", "--heart-beat", "500,500", "--stdin"
    ) as watch:
        for name in ("busy", "punctual"):
            await seen(watch, "stomp", name, command="CONNECTED")
        await ask(watch, "stomp-send /app/sleep/4000 x", "busy")
        await seen(watch, "close", count=2)
        await watch.finish()
    errors = watch.of("stomp", command="ERROR")  # one of two was once lost; the Close came even so
    assert errors and {header(line, "message") for line in errors} == {"Session closed."}
    for name in ("busy", "punctual"):
        assert_ended_by(watch.the("close", name), 1002)
    beats = [line["m"] for line in watch.of("stomp", "punctual", command="beat", dir="out")]
    assert len(beats) >= 2 and all(after - before < 0.7 for before, after in itertools.pairwise(beats))
    recorder.keep("spring-inbound-starved", watch)


@pytest.mark.extra
async def test_the_broker_behind_the_relay(own_broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    spring = start(Spring, relay=own_broker.stomp_port)
    watch, status = await run(spring.ws_url, "--heart-beat", "1000,1000", "--do", "0 hold-beats")
    assert status == 1
    assert error(watch) == "Connection to broker closed."
    assert_ended_by(watch.the("close"), 1002)
    assert 2 <= watch.the("close")["idle_tx"] <= 3.7  # RabbitMQ's own rule
    recorder.keep("spring-relay-held-beats", watch)

    async with probing(spring.ws_url, "-n", "2") as watch:
        await seen(watch, "stomp", command="CONNECTED", count=2)
        own_broker.sigkill()
        await seen(watch, "close", count=2)
        assert await watch.finish() == 1
    for name in ("A1", "A2"):
        assert header(watch.the("stomp", name, command="ERROR"), "message") == "Connection to broker closed."
        assert_ended_by(watch.the("close", name), 1002)
    recorder.keep("spring-relay-broker-killed", watch)

    watch, status = await run(spring.ws_url)
    assert status == 3
    assert error(watch) == "Broker not available."
    assert_ended_by(watch.the("close"), 1002)
    recorder.keep("spring-relay-broker-gone", watch)
