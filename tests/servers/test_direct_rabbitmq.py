"""A real RabbitMQ 3.10 met directly: beats that are missed, operators, alarms, permissions, queues and sizes."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import ask, open_session, probing, seen
from tests.servers.joined import GUEST, beaten, join, subscribe, talk
from tests.servers.looks import looked
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

TRADER = {"login": "trader", "passcode": "crew", "vhost": "/"}
HEAD = r"SEND\ndestination:/queue/notes\nreceipt:in"


@pytest.fixture(scope="module")
def floor(broker: RabbitMq) -> Iterator[RabbitMq]:
    """The broker with a user who may do all, but publish only open prices."""
    broker.ctl("add_user", "trader", "crew")
    broker.ctl("set_permissions", "trader", ".*", ".*", ".*")
    broker.ctl("set_topic_permissions", "trader", "amq.topic", "^prices[.]open", ".*")
    yield broker
    broker.ctl("delete_user", "trader")


def close_connection(broker: RabbitMq, watch: Watch, session: str, reason: str) -> None:
    """Closes the connection of one session, as a click in the broker's management page does."""
    port = watch.the("tcp", session, role="main")["local"].rpartition(":")[2]
    told = 'lists:flatten(io_lib:format("~p", [C]))'
    found = f'[element(6, C) || C <- rabbit_connection_tracking:list(), string:find({told}, "{port}") =/= nomatch]'
    broker.ctl("eval", f'[Pid] = {found}, amqp_direct_connection:server_close(Pid, 320, <<"{reason}">>).')


async def leave(watch: Watch, status: int) -> None:
    """Ends the run from our side."""
    await watch.command("quit")
    assert await watch.finish() == status


async def test_a_board_that_only_listens(broker: RabbitMq, recorder: Recorder) -> None:
    """A hidden tab: news come all the time, its own beats once a minute."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "board", broker.url, GUEST, "3000,1500")
        await subscribe(watch, "board", "/topic/board")
        await ask(watch, "throttle-beats 60000", "board")
        await join(watch, "desk", broker.tcp_url, GUEST, "3000,1500", do=talk(1.2, "/topic/board", 12))
        await looked(watch, "board")
        await beaten(watch, "desk", 1)
        await leave(watch, 1)
    close = watch.the("close", "board")
    assert close["received"] == {"code": 1000, "reason": "STOMP died"}
    assert close["idle_tx"] > 5.8 and close["idle_rx"] < 1.6
    recorder.keep("direct-rabbitmq-board-only-listens", watch)


async def test_a_till_that_misses_its_beats_each_time(broker: RabbitMq, recorder: Recorder) -> None:
    """It comes back and does it again; over TCP nobody says why."""
    words = (f"till={broker.tcp_url}", *LOGIN, "--heart-beat", "1200,4000", "--reconnect", "--stdin")
    async with probing(*words, **POSTMORTEM) as watch:
        for life in (1, 2):
            await seen(watch, "stomp", "till", command="CONNECTED", count=life)
            await seen(watch, "stomp", "till", command="beat", dir="out", count=life)
            await ask(watch, "hold-beats", "till")
            await seen(watch, "close", "till", count=life)
        await seen(watch, "stomp", "till", command="CONNECTED", count=3)
        await watch.finish()
    for close in watch.of("close", "till")[:2]:
        assert (close["initiator"], close["transport"]["how"]) == ("remote", "fin")
        assert 2.3 < close["idle_tx"] < 4.2
    recorder.keep("direct-rabbitmq-misses-beats-again", watch)


async def test_an_operator_closes_one_connection_of_three(broker: RabbitMq, recorder: Recorder) -> None:
    """With a reason that only STOMP over TCP and TLS carries to the client."""
    urls = [f"{transport}={broker.at(transport)}" for transport in ("ws", "tcp", "tls")]
    words = (*urls, *broker.trust, *LOGIN, "--heart-beat", "1500,1500", "--stdin")
    async with probing(*words, **POSTMORTEM) as watch:
        for name in ("ws", "tcp", "tls"):
            await seen(watch, "stomp", name, command="beat", dir="out")
        await asyncio.to_thread(close_connection, broker, watch, "tls", "old client version")
        await looked(watch, "tls")
        for name in ("ws", "tcp"):
            await beaten(watch, name, 2)
        await leave(watch, 1)
    assert watch.the("close", "tls")["error"] == "AMQP channel died"
    recorder.keep("direct-rabbitmq-one-connection-closed", watch)


async def test_an_operator_closes_one_websocket_of_two(broker: RabbitMq, recorder: Recorder) -> None:
    """Both subscribe to the same and beat punctually."""
    words = (f"gone={broker.url}", f"stays={broker.url}", *LOGIN, "--heart-beat", "900,900", "--stdin")
    async with probing(*words, **POSTMORTEM) as watch:
        for name in ("gone", "stays"):
            await seen(watch, "stomp", name, command="CONNECTED")
            await subscribe(watch, name, "/topic/floor")
        await beaten(watch, "gone", 3)
        await asyncio.to_thread(close_connection, broker, watch, "gone", "noisy neighbour")
        await looked(watch, "gone")
        await beaten(watch, "stays", 2)
        await leave(watch, 1)
    assert watch.the("close", "gone")["received"] == {"code": 1000, "reason": "STOMP died"}
    recorder.keep("direct-rabbitmq-one-websocket-closed", watch)


async def test_a_publisher_piles_up_under_an_alarm(broker: RabbitMq, recorder: Recorder) -> None:
    """The broker reads nothing of it until its memory alarm is over; then all comes, and nobody was dropped."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        for name in ("writer", "reader"):
            await join(watch, name, broker.tcp_url, GUEST, "2000,2000")
        await subscribe(watch, "reader", "/queue/bulk")
        await asyncio.to_thread(broker.ctl, "set_vm_memory_high_watermark", "0.00001")
        try:
            for n in range(6):
                await ask(watch, f"stomp-send /queue/bulk {n}{'x' * 40_000}", "writer")
            await beaten(watch, "reader", 6)
            assert len(watch.of("stomp", "reader", command="MESSAGE")) < 6
        finally:
            await asyncio.to_thread(broker.ctl, "set_vm_memory_high_watermark", "0.4")
        await seen(watch, "stomp", "reader", command="MESSAGE", count=6)
        await leave(watch, 0)
    recorder.keep("direct-rabbitmq-publisher-piles-up", watch)


async def test_a_topic_that_is_not_his(floor: RabbitMq, recorder: Recorder) -> None:
    """He may publish, but not there; another of the same user does what he may."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        for name in ("clerk", "boss"):
            await join(watch, name, floor.tcp_url, TRADER, "3000,3000")
        await subscribe(watch, "boss", "/topic/prices.#")
        await ask(watch, "stomp-send /topic/prices.open 12", "clerk")
        await seen(watch, "stomp", "boss", command="MESSAGE")
        await ask(watch, "stomp-send /topic/prices.secret 9", "clerk")
        await looked(watch, "clerk")
        await ask(watch, "stomp-send /topic/prices.open 13", "boss")
        await seen(watch, "stomp", "boss", command="MESSAGE", count=2)
        await leave(watch, 1)
    assert watch.the("close", "clerk")["error"] == "access_refused"
    recorder.keep("direct-rabbitmq-topic-permission", watch)


async def test_a_client_without_a_passcode(floor: RabbitMq, recorder: Recorder) -> None:
    """Its configuration has lost the passcode; the other's has both."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await join(watch, "known", floor.url, GUEST, "2000,2000")
        opened = await open_session(watch, name="nobody", url=floor.url, vhost="/", login="trader", open_timeout=3)
        assert opened["ok"] is True
        await looked(watch, "nobody")
        await beaten(watch, "known", 1)
        await leave(watch, 3)
    assert watch.the("close", "nobody")["error"] == "Bad CONNECT"
    recorder.keep("direct-rabbitmq-no-passcode", watch)


async def test_a_message_over_the_limit_of_one_of_its_readers(broker: RabbitMq, recorder: Recorder) -> None:
    """A phone takes 20 kB, a desktop all."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        for name, more in (("phone", {"max_size": 20_000}), ("desktop", {})):
            await join(watch, name, broker.url, GUEST, "2000,2000", no_compression=True, **more)
            await subscribe(watch, name, "/topic/pictures")
        for size in (9_000, 26_000):
            await ask(watch, f"stomp-send /topic/pictures {'x' * size}", "desktop")
        await looked(watch, "phone")
        await seen(watch, "stomp", "desktop", command="MESSAGE", count=2)
        await leave(watch, 1)
    assert watch.the("close", "phone")["sent"]["code"] == 1009
    recorder.keep("direct-rabbitmq-message-over-our-limit", watch)


async def test_a_queue_that_two_read_is_deleted(broker: RabbitMq, recorder: Recorder) -> None:
    """Over TLS and WebSocket: both are told, stay connected, and hear no more."""
    names = (f"desk1={broker.tls_url}", f"desk2={broker.url}")
    async with probing(*names, *broker.trust, *LOGIN, "--heart-beat", "1500,1500", "--stdin", **POSTMORTEM) as watch:
        for name in ("desk1", "desk2"):
            await seen(watch, "stomp", name, command="CONNECTED")
            await subscribe(watch, name, "/queue/tickets")
        for n in (1, 2):
            await ask(watch, f"stomp-send /queue/tickets {n}", "desk1")
        await seen(watch, "stomp", command="MESSAGE", count=2)
        await asyncio.to_thread(broker.ctl, "delete_queue", "tickets")
        for name in ("desk1", "desk2"):
            await seen(watch, "stomp", name, command="ERROR")
            await beaten(watch, name, 1)
        await ask(watch, "disconnect", "desk1")
        await seen(watch, "close", "desk1")
        await leave(watch, 0)
    for name in ("desk1", "desk2"):
        assert watch.the("close", name)["error"] == "Server cancelled subscription"
    recorder.keep("direct-rabbitmq-queue-deleted-two-readers", watch)


async def test_a_length_counted_in_characters(broker: RabbitMq, recorder: Recorder) -> None:
    """A home-made client counts letters where bytes are meant; as long as it wrote English, nobody noticed."""
    names = (f"ws={broker.url}", f"tcp={broker.tcp_url}", f"well={broker.url}")
    async with probing(*names, *LOGIN, "--heart-beat", "2000,2000", "--stdin", **POSTMORTEM) as watch:
        for name in ("ws", "tcp", "well"):
            await seen(watch, "stomp", name, command="CONNECTED")
        for name in ("ws", "tcp"):
            for text in ("greetings", "schöne Grüße"):
                await ask(watch, rf"stomp-frame {HEAD}\ncontent-length:{len(text)}\n\n{text}\0", name)
        await looked(watch, "ws", "tcp")
        await beaten(watch, "well", 1)
        await leave(watch, 1)
    for name in ("ws", "tcp"):
        assert watch.the("close", name)["initiator"] == "remote"
    recorder.keep("direct-rabbitmq-content-length-in-characters", watch)


async def test_a_long_silence(broker: RabbitMq, recorder: Recorder) -> None:
    """No beats were agreed upon, and nobody has anything to say for a quarter of a minute."""
    names = (f"plain={broker.tcp_url}", f"secure={broker.tls_url}")
    async with probing(*names, *broker.trust, *LOGIN, "--heart-beat", "0,0", "--duration", "16", **POSTMORTEM) as watch:
        assert await watch.finish(30) == 0
    recorder.keep("direct-rabbitmq-long-silence", watch)
