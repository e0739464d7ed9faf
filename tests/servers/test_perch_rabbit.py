"""RabbitMQ on this host in a year of tickets: beats that are held, rules of idleness and size, operators, stops."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.probing import seen
from tests.servers.between import stomp, web_stomp
from tests.servers.joined import beaten
from tests.servers.nginx import Certificate
from tests.servers.pond import run
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RabbitMq]:
    """The broker of this module; its last test kills it."""
    conf = (
        "web_stomp.ws_opts.idle_timeout = 5200",
        "web_stomp.ws_opts.max_frame_size = 9000",
        "stomp.login_timeout = 5000",
    )
    broker = RabbitMq(tmp_path_factory.mktemp("rabbit"), certificate, conf=conf)
    for user in ("courier", "depot"):
        broker.ctl("add_user", user, "spring")
        broker.ctl("set_permissions", user, ".*", ".*", ".*")
    yield broker
    broker.stop()


COURIER = {"login": "courier", "passcode": "spring", "vhost": "/"}
CLOSE_COURIER = (
    '[amqp_direct_connection:server_close(One, 320, <<"contract ended">>) || One <- rabbit_direct:list(),'
    ' amqp_connection:info(One, [user]) =:= [{user, <<"courier">>}]].'
)
"""What "Force Close" of RabbitMQ's management says for a STOMP connection, for those of one user."""
DEPOT = {"login": "depot", "passcode": "spring", "vhost": "/"}


async def test_a_password_is_rotated(rabbit: RabbitMq, recorder: Recorder) -> None:
    """A new password, and the user's connections are closed: the app comes back with the old one, again and again."""
    tables = {
        "depot": stomp(rabbit.stomp_port, "1800,1800", DEPOT),
        "app": web_stomp(rabbit.port, "1800,1800", reconnect=True) | COURIER,
    }

    async def strike(watch: Watch) -> None:
        await beaten(watch, "app", 1)
        await asyncio.to_thread(rabbit.ctl, "change_password", "courier", "autumn")
        await asyncio.to_thread(rabbit.ctl, "eval", CLOSE_COURIER)
        await seen(watch, "close", "app", count=2)

    watch = await run(tables, "app", strike=strike)
    assert watch.of("stomp", "app", command="ERROR")
    recorder.keep("perch-rabbitmq-password-rotated-then-refused", watch)
