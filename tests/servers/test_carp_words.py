"""Words of applications in many languages, and of frameworks, with codes that say less; a neighbour is well."""

import pytest
from websockets.asyncio.server import ServerConnection

from tests.servers.abroad import house_abroad, seen_off
from tests.servers.between import Table, says, staged, ws, wss
from tests.servers.haproxy import HaProxy
from tests.servers.homely import deliver, refuse, stomping
from tests.servers.house import Rule, house
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.routed import SERVER, routed
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel

pytestmark = [pytest.mark.real, pytest.mark.extra]


def ends(word: str, code: int, reason: str, before: str = "") -> Rule:
    """Echoes until that word is said; then the words of the application, and its Close."""

    async def rule(_: str, client: ServerConnection, message: str | bytes) -> None:
        if message != word:
            await client.send(message)
            return
        if before:
            await client.send(before)
        await client.close(code, reason)

    return rule


NEAR = [
    ("token-abgelaufen-4003", 4003, "Token abgelaufen", ""),
    ("pyjwt-signature-1008", 1008, "Signature has expired", ""),
    ("russian-other-device-4007", 4007, "Выполнен вход с другого устройства", ""),
    ("chinese-too-frequent-4291", 4291, "请求过于频繁，请稍后再试", ""),
    ("rails-disconnect-unauthorized", 1000, "", '{"type":"disconnect","reason":"unauthorized","reconnect":false}'),
    ("unauthorized-3000", 3000, "Unauthorized", ""),
    ("forbidden-topic-3003", 3003, "not allowed to read topic salaries", ""),
    ("portuguese-no-permission-1008", 1008, "usuário sem permissão para este canal", ""),
    ("french-only-binary-1003", 1003, "seules les trames binaires sont acceptées", ""),
    ("policy-bare-1008", 1008, "", ""),
    ("policy-links-1008", 1008, "links are not allowed in this room", ""),
    ("table-merged-4112", 4112, "table merged into 12", ""),
]


@pytest.mark.parametrize(("name", "code", "reason", "before"), NEAR, ids=[one[0] for one in NEAR])
async def test_near(
    name: str, code: int, reason: str, before: str, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Through a proxy of this host: nginx, HAProxy or stunnel, with TLS or without, as the code's parity has it."""
    async with house(ends("go", code, reason, before), ping_interval=None) as app:
        number = [one[0] for one in NEAR].index(name)
        do = {
            "other": says(1.1, 6, "send hi"),
            "user": ["0.7 send hi", "1.4 send hi", f"{2.0 + number % 4 * 0.4:.1f} send go"],
        }
        if number % 3 == 0:
            nginx = start(Nginx, app.port)
            tables = {user: ws(nginx.port, f"/?user={user}", do=do[user]) for user in do}
        elif number % 3 == 1:
            haproxy = start(HaProxy, app.port)
            tables = {user: ws(haproxy.port, f"/?user={user}", do=do[user], ping_interval=1.7) for user in do}
        else:
            stunnel = start(Stunnel, app.port, certificate)
            tables = {
                user: wss(0, certificate, do=do[user]) | {"url": f"wss://localhost:{stunnel.port}/?user={user}"}
                for user in do
            }
        watch = await staged(tables, "user", stage="tls" if number % 3 == 2 else "tcp")
    assert watch.the("close", "user")["code"] == code
    recorder.keep(f"carp-{name}", watch)


FAR = [
    ("far-japanese-session-expired-4401", 4401, "セッションの有効期限が切れました", ""),
    ("far-spanish-rate-1013", 1013, "límite de peticiones superado", ""),
    ("far-replaced-1000", 1000, "replaced by new session", ""),
    ("far-going-away-for-deploy-1001", 1001, "rolling deploy", ""),
    ("far-payload-too-large-1009", 1009, "message exceeds 2048 bytes", ""),
    ("far-bad-version-4406", 4406, "client version 2.3 is no longer supported", ""),
]


@pytest.mark.parametrize(("name", "code", "reason", "before"), FAR, ids=[one[0] for one in FAR])
async def test_far(name: str, code: int, reason: str, before: str, recorder: Recorder) -> None:
    """The application is on another host; what is said is large where the words are about that."""
    with routed() as hosts:
        last, said = ("x" * 3000, "send-repeat x 3000") if code == 1009 else ("go", "send go")
        async with house_abroad(hosts, ends(last, code, reason, before), ping_interval=None) as app:
            url = f"ws://{SERVER}:{app.port}/?user="
            tables: dict[str, Table] = {
                "other": {"url": url + "other", "do": says(1.2, 6, "send hi")},
                "user": {"url": url + "user", "do": ["0.9 send hi", f"2.3 {said}"]},
            }
            watch = await seen_off(hosts, tables, "user")
    assert watch.the("close", "user")["code"] == code
    recorder.keep(f"carp-{name}", watch)


ERRORS = [
    ("stomp-token-expired", "ExpiredJwtException: JWT expired at 2026-11-28T02:00:00Z", 1002),
    ("stomp-access-denied", "Access is denied for destination /app/till", 1008),
    ("stomp-unknown-destination", "No such destination: /app/till", None),
]


@pytest.mark.parametrize(("name", "message", "code"), ERRORS, ids=[one[0] for one in ERRORS])
async def test_errors(name: str, message: str, code: int | None, start: Starter, recorder: Recorder) -> None:
    """A home-made STOMP server's ERROR, and a Close or none after it; its other client has a delivery."""

    async def rule(user: str, client: ServerConnection, frame: str | bytes) -> None:
        if "pay 3" in str(frame):
            await refuse(client, message, code=code)
            if code is None:
                client.transport.close()
        elif str(frame).startswith("SEND"):
            await deliver(client, "/user/queue/ok", user)

    async with house(stomping(rule, "till/2"), subprotocols=["v12.stomp"], ping_interval=None) as app:
        nginx = start(Nginx, app.port)

        def at(user: str, *do: str) -> Table:
            url = f"stomp+ws://{LOOPBACK}:{nginx.port}/?user={user}"
            return {"url": url, "heart_beat": "0,0", "do": list(do)}

        tables = {
            "other": at("other", *says(1.1, 6, "stomp-send /app/till pay 1")),
            "till": at("till", "0.8 stomp-send /app/till pay 2", "2.2 stomp-send /app/till pay 3"),
        }
        watch = await staged(tables, "till")
    assert watch.of("stomp", "till", command="ERROR")
    recorder.keep(f"carp-nginx-{name}", watch)
