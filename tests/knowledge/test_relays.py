"""Proxies by the hand they write headers in: each as it was recorded."""

import pytest

from tui.knowledge.relays import rewriter, untouched

WEBSOCKETS = "Python/3.11 websockets/17.4"


def answer(*names: str, **values: str) -> list[tuple[str, str]]:
    """The headers of a 101 in this order; values by their small names with low lines."""
    said = {"connection": "Upgrade", "upgrade": "websocket"} | values
    return [(name, said.get(name.lower().replace("-", "_"), "-")) for name in names]


@pytest.mark.parametrize(
    ("headers", "proxy"),
    [
        (answer("Upgrade", "Connection", "Sec-WebSocket-Accept"), ""),
        (answer("upgrade", "connection", "sec-websocket-accept"), "HAProxy?"),
        (answer("upgrade", "connection", "sec-websocket-accept", connection="upgrade"), ""),
        (answer("upgrade", "connection", "sec-websocket-accept", "date", connection="upgrade"), "HAProxy?"),
        (answer("connection", "upgrade", "sec-websocket-accept", "date"), ""),
        (answer("date", "upgrade", "connection", "sec-websocket-accept"), ""),
        (answer("date", "upgrade", "connection", "sec-websocket-accept", "server", server=WEBSOCKETS), "HAProxy?"),
        (answer("connection", "date", "sec-websocket-accept", "server", "upgrade", server="Cowboy"), ""),
        (answer("date", "sec-websocket-accept", "server", "Connection", "Upgrade", server="Cowboy"), "Apache?"),
        (answer("Sec-WebSocket-Accept", "Connection", "Upgrade"), "Apache?"),
        (answer("Date", "Upgrade", "Sec-WebSocket-Accept", "Server", "Connection", server=WEBSOCKETS), "lighttpd?"),
        (answer("Upgrade", "Sec-WebSocket-Accept", "Server", "Connection", server="Jetty(12.0.16)"), ""),
        (answer("Connection", "Date", "Sec-Websocket-Accept", "Server", "Upgrade", server=WEBSOCKETS), "Traefik?"),
        (answer("Connection", "Date", "Sec-Websocket-Accept", "Server", "Upgrade", server="TornadoServer/6"), ""),
        (answer("Connection", "Sec-Websocket-Accept", "Upgrade"), "Traefik?"),
        (answer("Connection", "Sec-Websocket-Accept", "Upgrade", "Date"), ""),
        (answer("upgrade", "connection"), ""),
    ],
    ids=[
        "node", "node-haproxy", "netty", "tomcat-haproxy", "hyper", "sanic", "python-haproxy", "rabbitmq",
        "rabbitmq-apache", "node-apache", "python-lighttpd", "jetty", "python-traefik", "tornado",
        "node-traefik", "coder", "no-handshake",
    ],
)  # fmt: skip
def test_the_proxy_by_its_hand(headers: list[tuple[str, str]], proxy: str) -> None:
    """A 101 written anew is told from one that its server wrote."""
    assert rewriter(headers) == proxy


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        (answer("Upgrade", "Connection", "Sec-WebSocket-Accept"), True),
        (answer("Date", "Upgrade", "Connection", "Sec-WebSocket-Accept", "Server", server=WEBSOCKETS), True),
        (answer("Server", "Date", "Connection", "Upgrade", "Sec-WebSocket-Accept", server="nginx"), False),
        (answer("upgrade", "connection", "sec-websocket-accept"), False),
        (answer("Connection", "Sec-Websocket-Accept", "Upgrade"), False),
        (answer("Connection", "Sec-Websocket-Accept", "Upgrade", "Date"), True),
        (answer("Connection", "Date", "Sec-Websocket-Accept", "Upgrade"), False),
    ],
    ids=["node", "python", "nginx", "haproxy", "traefik", "coder", "traefik-before-coder"],
)
def test_a_server_that_wrote_them_itself(headers: list[tuple[str, str]], own: bool) -> None:
    assert untouched(headers) is own
