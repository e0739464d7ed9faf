"""The idle experiment on a real nginx with a short ``proxy_read_timeout``."""

import pytest

from tests.experiments.experimenting import idle
from tests.servers.nginx import LAZY, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.starting import Starter

pytestmark = pytest.mark.real

TIMEOUT = 3


async def test_nginx_counts_every_byte_of_a_stomp_session(broker: RabbitMq, start: Starter) -> None:
    nginx = start(Nginx, broker.port, TIMEOUT)
    found = await idle(f"stomp+ws://{LOOPBACK}:{nginx.port}/ws", *LOGIN)
    assert (found["answer"], found["pings_keep"]) == ("any", True)
    assert TIMEOUT - LAZY <= found["length_s"] <= TIMEOUT + 0.5
    assert found["within_s"] <= 1
    assert found["end"] == {"how": "fin", "code": None, "reason": None}
    assert "nginx" in [product["product"] for product in found["products_set_so"]]


@pytest.mark.extra
async def test_nginx_counts_a_pong_of_a_plain_session(echo_port: int, start: Starter) -> None:
    nginx = start(Nginx, echo_port, TIMEOUT)
    found = await idle(f"ws://{LOOPBACK}:{nginx.port}/", "--every", "0.5")
    assert (found["answer"], found["pings_keep"]) == ("ours_at_least", True)
    assert TIMEOUT - LAZY <= found["length_s"] <= TIMEOUT + 0.5
