"""Hands that are not shaken: logins at the door, backends that are away, subprotocols, versions, wrong 101s, ports."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
from http import HTTPStatus

import pytest
from websockets.utils import accept_key

from tests.probing import probing
from tests.servers.activemq import ActiveMq
from tests.servers.between import answer, refused, says, sockjs, stomp, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.envoy import Envoy
from tests.servers.frameworks import Sanic
from tests.servers.golang import Coder
from tests.servers.haproxy import HaProxy
from tests.servers.house import echo, house
from tests.servers.joined import CREW
from tests.servers.jupyter import Jupyter
from tests.servers.lesser import Rinetd, Varnish
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeWs, SockJsNode
from tests.servers.recordings import Recorder
from tests.servers.rustapps import Axum
from tests.servers.scripted import Connection, ScriptedServer
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.test_kite_hands import turned_away
from tests.servers.test_kite_more import at_the_door
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]

JWT = "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
ORDER = "stomp-send /queue/orders one"


def sealed(data: bytes) -> str:
    """As a part of a JSON Web Token."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(key: bytes) -> str:
    """A token of ``anna`` that is signed with that key."""
    said = ".".join(
        sealed(json.dumps(part).encode())
        for part in ({"alg": "HS256", "typ": "JWT", "kid": "a"}, {"iss": "shop", "sub": "anna", "exp": 4102444800})
    )
    return f"{said}.{sealed(hmac.digest(key, said.encode(), hashlib.sha256))}"


async def test_a_token_of_staging(start: Starter, recorder: Recorder) -> None:
    """Envoy looks at the tokens' signatures; an app was built with staging's settings. A right one is let in."""
    live, staging = b"l" * 32, b"s" * 32
    keys = {"keys": [{"kty": "oct", "alg": "HS256", "kid": "a", "k": sealed(live)}]}
    shop = {"issuer": "shop", "local_jwks": {"inline_string": json.dumps(keys)}}
    rules = [{"match": {"prefix": "/"}, "requires": {"provider_name": "shop"}}]
    look = {"name": "jwt", "typed_config": {"@type": JWT, "providers": {"shop": shop}, "rules": rules}}
    server = start(NodeWs)
    envoy = start(Envoy, server.port, filters=(look,))
    watch = await refused(
        {"app": ws(envoy.port, "/live", header=[f"Authorization: Bearer {token(staging)}"])},
        after=1.1,
        before=0.8,
        right=ws(envoy.port, "/live", header=[f"Authorization: Bearer {token(live)}"], do=says(0.9, 4)),
    )
    assert answer(watch, "app") == 401
    recorder.keep("robin-envoy-jwt-of-staging-401", watch)


async def test_a_token_of_a_server_of_before(start: Starter, recorder: Recorder) -> None:
    """Jupyter was started again and has a new token; a bookmark has the one of yesterday. A terminal is well."""
    jupyter = start(Jupyter)
    right = jupyter.of_terminal(jupyter.terminal())
    old = right.replace("token=crew", "token=4e1fd2")
    watch = await refused({"lab": {"url": old}}, after=0.8, before=0.9, terminal={"url": right})
    assert answer(watch, "lab") == 403
    recorder.keep("robin-jupyter-token-of-yesterday-403", watch)


async def test_a_session_of_friday(start: Starter, recorder: Recorder) -> None:
    """A page was left open over the weekend: its login has run out, the application says so; by Caddy."""
    words = '{"error":"session_expired","message":"Your session has expired, please sign in again"}\n'
    door = at_the_door("friday", HTTPStatus.UNAUTHORIZED, words, Set_Cookie="SESSION=; Max-Age=0; Path=/")
    async with house(echo, process_request=door, ping_interval=None) as app:
        caddy = start(Caddy, app.port)
        watch = await refused(
            {"page": ws(caddy.port, "/?user=friday", cookie=["SESSION=f0a1b2"])},
            after=1.2,
            before=0.6,
            monday=ws(caddy.port, "/?user=monday", cookie=["SESSION=77ac10"], do=says(1.0, 4)),
        )
    assert answer(watch, "page") == 401
    recorder.keep("robin-caddy-session-of-friday-401", watch)


async def test_a_node_takes_nobody_any_more(start: Starter, recorder: Recorder) -> None:
    """Before its maintenance a node of the application takes no newcomers; who is in stays. By Varnish."""
    words = "This node is being drained for maintenance.\n"
    door = at_the_door("till", HTTPStatus.SERVICE_UNAVAILABLE, words, Retry_After="300")
    async with house(echo, process_request=door, ping_interval=None) as app:
        varnish = start(Varnish, app.port)
        watch = await refused(
            {"till": ws(varnish.port, "/?user=till")},
            after=0.9,
            before=0.7,
            desk=ws(varnish.port, "/?user=desk", do=says(0.8, 4)),
        )
    assert answer(watch, "till") == 503
    recorder.keep("robin-varnish-node-is-drained-503", watch)


async def test_nothing_is_behind_envoy(start: Starter, recorder: Recorder) -> None:
    """sockjs-node was killed for its memory and nobody starts it: a page streams in vain. Another node is well."""
    server, other = start(SockJsNode), start(SockJsNode, heartbeat_delay=1400)
    envoy = start(Envoy, server.port)
    await asyncio.to_thread(server.end)
    watch = await refused(
        {"page": sockjs(envoy.port, "xhr-streaming")},
        after=1.3,
        before=0.6,
        other=sockjs(other.port, "xhr-polling", do=says(1.2, 4)),
    )
    assert {line["status"] for line in watch.of("http", "page", dir="in")} == {503}
    recorder.keep("robin-envoy-sockjs-node-was-killed-503", watch)


async def test_haproxy_tries_and_gives_up(start: Starter, recorder: Recorder) -> None:
    """The one server is away after a failed deployment; HAProxy tries again, then says 503. The old port is well."""
    server, old = start(Coder), start(Coder)
    haproxy = start(HaProxy, server.port, options="retries 2")
    await asyncio.to_thread(server.end)
    two = {"anna": ws(haproxy.port, "/ws"), "bert": ws(haproxy.port, "/ws")}
    watch = await refused(two, after=0.8, before=0.5, carl=ws(old.port, "/ws", do=says(1.4, 6)))
    assert answer(watch, "anna") == answer(watch, "bert") == 503
    recorder.keep("robin-haproxy-coder-tried-three-times-503", watch)


async def test_the_inner_proxy_waits_no_longer(start: Starter, recorder: Recorder) -> None:
    """Sanic stands still; HAProxy in front of it waits 2.4 s, nginx in front of both hands its 504 on."""
    server, other = start(Sanic), start(NodeWs)
    haproxy = start(HaProxy, server.port, server=2.4)
    nginx = start(Nginx, haproxy.port)
    os.kill(server.pid, signal.SIGSTOP)
    watch = await refused({"chart": ws(nginx.port)}, after=0.9, before=0.6, other=ws(other.port, do=says(1.3, 6)))
    os.kill(server.pid, signal.SIGCONT)
    assert answer(watch, "chart") == 504
    recorder.keep("robin-nginx-haproxy-inner-one-waits-no-longer-504", watch)


async def test_a_subprotocol_was_left_out(start: Starter, recorder: Recorder) -> None:
    """The charging stations' server wants ``ocpp1.6``; a meter of another maker offers nothing. By rinetd."""
    async with house(subprotocols=["ocpp1.6"], ping_interval=None) as app:
        rinetd = start(Rinetd, app.port)
        watch = await refused(
            {"meter": ws(rinetd.port, "/?user=meter-4")},
            after=1.0,
            before=0.8,
            station=ws(rinetd.port, "/?user=st-9", subprotocol=["ocpp1.6"], do=says(1.1, 4)),
        )
    assert answer(watch, "meter") == 400
    recorder.keep("robin-rinetd-python-subprotocol-left-out-400", watch)


async def test_an_sdk_speaks_a_draft(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A panel's SDK of 2011 says ``Sec-WebSocket-Version: 8``; axum behind stunnel knows 13. The new panel does."""
    server = start(Axum)
    stunnel = start(Stunnel, server.port, certificate)
    base = wss(stunnel.port, certificate) | {"url": f"wss://localhost:{stunnel.port}/ws"}
    watch = await refused(
        {"old": base | {"header": ["Sec-WebSocket-Version: 8"]}}, after=1.2, before=0.7, new=base | {"do": says(0.9, 4)}
    )
    assert answer(watch, "old") == 400
    recorder.keep("robin-stunnel-axum-sdk-of-version-8", watch)


async def test_a_version_was_mistyped(activemq: ActiveMq, recorder: Recorder) -> None:
    """A job's settings say ``accept-version: 12``; ActiveMQ knows 1.0 to 1.2. Another job takes 1.1."""
    job = stomp(activemq.port, "0,0", CREW, connect_header=["accept-version: 12"])
    async with probing("--stdin", **POSTMORTEM) as watch:
        right = {"right": stomp(activemq.port, "0,0", CREW, stomp_version="1.1", do=says(1.2, 4, ORDER))}
        await turned_away(watch, {"job": job}, right)
    recorder.keep("robin-activemq-accept-version-of-a-typo", watch)


async def test_an_accept_in_hex(recorder: Recorder) -> None:
    """A serial bridge's firmware writes the digest of the key in hex instead of base64; one session, alone."""

    def script(client: Connection) -> None:
        key = client.read_request()["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        digest = hashlib.sha1(key.encode()).hexdigest()
        lines = "Upgrade: websocket\r\nConnection: Upgrade\r\nServer: ser2ws/0.9"
        said = f"HTTP/1.1 101 Switching Protocols\r\n{lines}\r\nSec-WebSocket-Accept: {digest}\r\n\r\n"
        client.send(said.encode())
        client.read_to_end()

    with ScriptedServer(script) as server:
        watch = await refused({"A": {"url": server.url}})
    recorder.keep("robin-bridge-accept-in-hex", watch)


async def test_a_101_without_upgrade(start: Starter, recorder: Recorder) -> None:
    """An inverter says 101, ``Connection: Upgrade`` and a right accept, but not to what; a twin is well."""

    def script(client: Connection) -> None:
        accept = accept_key(client.read_request()["sec-websocket-key"])
        head = "HTTP/1.1 101 Switching Protocols\r\nServer: lwIP/2.1.2\r\nConnection: Upgrade\r\n"
        client.send(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        client.read_to_end()

    twin = start(NodeWs)
    with ScriptedServer(script) as server:
        watch = await refused(
            {"panel": {"url": server.url}}, after=1.0, before=0.8, twin=ws(twin.port, do=says(0.8, 3))
        )
    recorder.keep("robin-inverter-101-without-upgrade", watch)
