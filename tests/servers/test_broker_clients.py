"""Brokers and their clients on an odd day: late beats, naps, operators and kills, some of them survived."""

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.frozen import frozen
from tests.servers.joined import ANNA, CREW, GUEST, beaten, join, subscribe, talk
from tests.servers.jvm import Artemis
from tests.servers.looks import looked
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def left(watch: Watch, status: int = 0) -> None:
    """Ends a run whose sessions are as they should be."""
    assert await watch.finish() == status


class Beats(NamedTuple):
    """Who holds its beats where, and what the one beside it does."""

    url: str
    login: dict[str, str]
    beats: str
    held_after: float
    destination: str
    pace: float
    until: float
    """Until when the other talks, having held its beats too."""


def beats_of(name: str, request: pytest.FixtureRequest) -> Beats:
    """The case of that name; only its broker is started."""
    if name == "rabbitmq-unequal-beats-one-held":
        return Beats(request.getfixturevalue("broker").url, GUEST, "1300,2700", 2.2, "/topic/weather", 1.1, 7.5)
    if name == "rabbitmq-tcp-held-beats-yet-talking":
        return Beats(request.getfixturevalue("broker").tcp_url, GUEST, "1700,0", 0.7, "/topic/rain", 0.9, 8.0)
    if name == "activemq-unequal-beats-one-held":
        return Beats(request.getfixturevalue("activemq").url, CREW, "1900,3100", 3.3, "/topic/wind", 1.2, 10.5)
    return Beats(request.getfixturevalue("artemis").ws_url, ANNA, "1450,0", 1.6, "snow", 0.8, 8.2)


@pytest.mark.parametrize(
    "name",
    [
        "rabbitmq-unequal-beats-one-held",
        "rabbitmq-tcp-held-beats-yet-talking",
        "activemq-unequal-beats-one-held",
        "artemis-one-way-beats-one-held",
    ],
)
async def test_two_hold_their_beats_and_one_keeps_talking(
    request: pytest.FixtureRequest, recorder: Recorder, name: str
) -> None:
    """What is said counts as a beat: only the silent one is dropped."""
    case = beats_of(name, request)
    hold = f"{case.held_after} hold-beats"
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(
            watch, "talks", case.url, case.login, case.beats,
            do=[hold, *talk(case.pace, case.destination, case.until)],
        )  # fmt: skip
        await join(watch, "late", case.url, case.login, case.beats, do=[hold])
        await looked(watch, "late")
        await left(watch, 1)
    assert watch.the("close", "late")["initiator"] == "remote"
    assert watch.the("close", "talks")["asked"] is True
    recorder.keep(name, watch)


async def test_rabbitmq_naps(broker: RabbitMq, recorder: Recorder) -> None:
    """Held for less than two intervals: its beats are late, and nobody goes."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "ws", broker.url, GUEST, "2300,2300", do=talk(1.6, "/topic/nap", 6))
        await join(watch, "tcp", broker.tcp_url, GUEST, "0,2600")
        await beaten(watch, "tcp", 1)
        with frozen(broker.pid):
            await asyncio.sleep(1.8)
        await beaten(watch, "tcp", 2)
        await left(watch)
    recorder.keep("rabbitmq-nap-survived", watch)


async def test_activemq_naps(activemq: ActiveMq, recorder: Recorder) -> None:
    """Nobody has beats: the message that was sent in its sleep comes late, that is all."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        for name in ("reader", "writer"):
            await join(watch, name, activemq.url, CREW, "0,0")
        await subscribe(watch, "reader", "/topic/nap")
        await ask(watch, "stomp-send /topic/nap before", "writer")
        await seen(watch, "stomp", "reader", command="MESSAGE")
        with frozen(activemq.pid):
            await ask(watch, "stomp-send /topic/nap during", "writer")
            await asyncio.sleep(5.7)
        await seen(watch, "stomp", "reader", command="MESSAGE", count=2)
        await left(watch)
    recorder.keep("activemq-nap-survived", watch)


async def test_the_client_sleeps_beside_one_without_beats(broker: RabbitMq, recorder: Recorder) -> None:
    """Only the one that promised beats is dropped, over TLS."""
    trust = {"cacert": broker.trust[1]}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "quiet", broker.tls_url, GUEST, "0,0", **trust)
        await join(watch, "beats", broker.tls_url, GUEST, "1150,2050", **trust)
        await beaten(watch, "beats", 1)
        os.kill(watch.process.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(5.3)
        finally:
            os.kill(watch.process.pid, signal.SIGCONT)
        await looked(watch, "beats", stage="tls")
        await ask(watch, "stomp-send /topic/awake here", "quiet")
        await left(watch, 1)
    assert watch.the("close", "quiet")["asked"] is True
    recorder.keep("rabbitmq-tls-client-asleep", watch)


async def test_a_queue_is_purged(broker: RabbitMq, recorder: Recorder) -> None:
    """What waited is gone, and its reader waits on."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "writer", broker.url, GUEST, "0,0")
        await join(watch, "reader", broker.tcp_url, GUEST, "2900,1350")
        for n in range(4):
            await ask(watch, f"stomp-send /queue/purged job {n}", "writer")
        await beaten(watch, "reader", 1)
        await asyncio.to_thread(broker.ctl, "purge_queue", "purged")
        await subscribe(watch, "reader", "/queue/purged")
        await beaten(watch, "reader", 1)
        await ask(watch, "stomp-send /queue/purged anew", "writer")
        await seen(watch, "stomp", "reader", command="MESSAGE")
        await left(watch)
    await asyncio.to_thread(broker.ctl, "delete_queue", "purged")
    recorder.keep("rabbitmq-queue-purged", watch)


async def test_a_client_reads_late(broker: RabbitMq, recorder: Recorder) -> None:
    """A burst comes while it reads nothing; it has no beats and reads all of it afterwards."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "slow", broker.url, GUEST, "0,0")
        await subscribe(watch, "slow", "/topic/burst")
        await join(watch, "writer", broker.url, GUEST, "1850,0", do=talk(0.12, "/topic/burst", 2.1))
        await ask(watch, "freeze 3.4", "slow")
        await seen(watch, "stomp", "slow", command="MESSAGE", count=17)
        await left(watch)
    recorder.keep("rabbitmq-client-reads-late", watch)


@pytest.fixture
def suspended(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker, which listens again when the test has ended."""
    yield broker
    broker.ctl("resume_listeners")


async def test_listeners_are_suspended(suspended: RabbitMq, recorder: Recorder) -> None:
    """Who is in stays in; who comes finds a closed port."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "ws", suspended.url, GUEST, "1250,1650")
        await join(watch, "tcp", suspended.tcp_url, GUEST, "0,0")
        await asyncio.to_thread(suspended.ctl, "suspend_listeners")
        await open_session(watch, name="newcomer", url=suspended.tcp_url, heart_beat="5500,5500", **GUEST)
        await seen(watch, "close", "newcomer")
        await ask(watch, "stomp-send /topic/in still here", "tcp")
        await beaten(watch, "ws", 1)
        await watch.finish()
    assert watch.the("close", "newcomer")["transport"]["how"] == "refused"
    assert watch.the("close", "tcp")["asked"] is True
    recorder.keep("rabbitmq-listener-suspended", watch)


async def test_rabbitmq_is_killed_with_unread_data(
    own_broker: RabbitMq, activemq: ActiveMq, recorder: Recorder
) -> None:
    """It stood still: a message it never read makes the end a reset, for the silent one it is a FIN."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "elsewhere", activemq.url, CREW, "2150,2150")
        await join(watch, "writer", own_broker.tcp_url, GUEST, "0,0", do=talk(0.5, "/topic/work", 1.2))
        await join(watch, "reader", own_broker.tcp_url, GUEST, "0,0")
        await seen(watch, "command", "writer", ok=True, count=2)
        with frozen(own_broker.pid):
            await ask(watch, "stomp-send /topic/work unread", "writer")
            own_broker.sigkill()
            await looked(watch, "writer", "reader", ok=False)
        await left(watch, 1)
    recorder.keep("rabbitmq-killed-with-unread-data", watch)


async def test_artemis_is_killed_with_unread_data(start: Starter, artemis: Artemis, recorder: Recorder) -> None:
    """As with RabbitMQ, over WebSocket and TCP and in a burst."""
    own = start(Artemis)
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "elsewhere", artemis.tcp_url, ANNA, "1350,2250")
        await join(watch, "writer", own.ws_url, ANNA, "4300,0")
        await join(watch, "reader", own.tcp_url, ANNA, "0,3700")
        await subscribe(watch, "reader", "news")
        await ask(watch, "stomp-send news first", "writer")
        await seen(watch, "stomp", "reader", command="MESSAGE")
        with frozen(own.pid):
            for n in range(6):
                await ask(watch, f"stomp-send news unread {n}", "writer")
            own.end(signal.SIGKILL)
        await looked(watch, "writer", "reader", ok=False)
        await left(watch, 1)
    recorder.keep("artemis-killed-with-unread-data", watch)


@pytest.fixture
def visited(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker with a user ``visitor``."""
    broker.ctl("add_user", "visitor", "crew")
    broker.ctl("set_permissions", "visitor", ".*", ".*", ".*")
    yield broker
    broker.ctl("delete_user", "visitor")


CLOSE_VISITORS = (
    "rabbit_connection_tracking:close_connections("
    'rabbit_connection_tracking:list_of_user(<<"visitor">>), "go home", 0).'
)
"""What ``close_all_user_connections`` would do, which finds no sessions of STOMP."""


async def test_an_operator_closes_the_connections_of_a_user(visited: RabbitMq, recorder: Recorder) -> None:
    """One of two talks and is ended between two messages."""
    visitor = {"login": "visitor", "passcode": "crew", "vhost": "/"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "staff", visited.url, GUEST, "1750,2350")
        await join(watch, "visitor", visited.url, visitor, "0,0", do=talk(1.4, "/topic/visit", 3))
        await seen(watch, "command", "visitor", ok=True, count=2)
        await asyncio.to_thread(visited.ctl, "eval", CLOSE_VISITORS)
        await looked(watch, "visitor")
        await beaten(watch, "staff", 1)
        await left(watch, 1)
    recorder.keep("rabbitmq-operator-closes-user", watch)
