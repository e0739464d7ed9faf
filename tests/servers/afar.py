"""The brokers on a host of their own, in a network namespace: who comes there comes through a router (``routed``)."""

import os

from tests.servers import activemq
from tests.servers.activemq import ActiveMq
from tests.servers.nginx import Certificate
from tests.servers.node import SockJsNode
from tests.servers.rabbitmq import RabbitMq
from tests.servers.routed import SERVER, Host, build_server
from tests.servers.starting import Starter

LOGIN = ("--login", "anna", "--passcode", "crew", "--vhost", "/")
"""The options that log a client in at RabbitMQ."""


class Afar:
    """RabbitMQ, ActiveMQ and sockjs-node on one server host, for as long as ``start`` has them run.

    They listen on its loopback; what comes to ``SERVER`` is passed on to it by its kernel.
    """

    def __init__(self, start: Starter, certificate: Certificate) -> None:
        self.host = Host(f"whr{os.getpid() % 100000}-afar")
        try:
            build_server(self.host)
            with self.host.inside():
                self._rabbitmq = start(RabbitMq, certificate)
                self._activemq = start(ActiveMq)
                self._rabbitmq.ctl("add_user", "anna", "crew")  # guest may not come from afar
                self._rabbitmq.ctl("set_permissions", "anna", ".*", ".*", ".*")
                self._sockjs = start(SockJsNode, heartbeat_delay=1000, disconnect_delay=2000)
            ports = (self._rabbitmq.port, self._rabbitmq.stomp_port, self._activemq.port, self._sockjs.port)
            self.host.set(net__ipv4__conf__all__route_localnet=1)
            rule = f"tcp dport {{ {', '.join(map(str, ports))} }} dnat ip to 127.0.0.1"
            self.host.wall(rule, "prerouting", "nat", name="doors")
        except BaseException:
            self.host.remove()
            raise

    def words(self, name: str) -> tuple[str, ...]:
        """The target of ``rabbitmq``, ``rabbitmq-tcp`` or ``activemq``, and the options that log in there."""
        if name == "activemq":
            return (f"stomp://{SERVER}:{self._activemq.port}", *activemq.LOGIN)
        if name == "rabbitmq-tcp":
            return (f"stomp://{SERVER}:{self._rabbitmq.stomp_port}", *LOGIN)
        return (f"stomp+ws://{SERVER}:{self._rabbitmq.port}/ws", *LOGIN)

    @property
    def activemq_pid(self) -> int:
        """ActiveMQ's process, for a test that holds it for a while."""
        return self._activemq.pid

    @property
    def sockjs(self) -> str:
        """sockjs-node's target."""
        return f"http://{SERVER}:{self._sockjs.port}/echo"

    def port(self, name: str) -> int:
        """The port of one of them."""
        return {
            "rabbitmq": self._rabbitmq.port,
            "rabbitmq-tcp": self._rabbitmq.stomp_port,
            "activemq": self._activemq.port,
            "sockjs": self._sockjs.port,
        }[name]
