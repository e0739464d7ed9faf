"""The brokers that tests share, by name: for what is staged against one as against another."""

from typing import NamedTuple

import pytest

from tests.servers import activemq, rabbitmq, spring
from tests.servers.activemq import ActiveMq
from tests.servers.nginx import Certificate
from tests.servers.rabbitmq import RabbitMq
from tests.servers.spring import Spring


class Broker(NamedTuple):
    """Where a broker is reached."""

    url: str
    options: tuple[str, ...]
    """Those that log a client in, and that know its certificate."""
    pid: int


def broker_named(name: str, request: pytest.FixtureRequest) -> Broker:
    """``rabbitmq``, ``rabbitmq-tcp``, ``rabbitmq-tls``, ``activemq``, ``spring`` or ``spring-sockjs``."""
    product, _, way = name.partition("-")
    if product == "rabbitmq":
        rabbit: RabbitMq = request.getfixturevalue("broker")
        certificate: Certificate = request.getfixturevalue("certificate")
        url = {"": rabbit.url, "tcp": rabbit.tcp_url, "tls": rabbit.tls_url}[way]
        return Broker(url, (*rabbitmq.LOGIN, "--cacert", str(certificate.ca)), rabbit.pid)
    if product == "activemq":
        active: ActiveMq = request.getfixturevalue("activemq")
        return Broker(active.url, activemq.LOGIN, active.pid)
    application: Spring = request.getfixturevalue("spring")
    return Broker(application.sockjs_url if way else application.ws_url, spring.LOGIN, application.pid)
