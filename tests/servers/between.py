"""Sessions with options of their own behind nginx, HAProxy, stunnel or ssh, and a target's words for each of them."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.probing import open_session, probing, seen
from tests.servers.activemq import ActiveMq
from tests.servers.child import Daemon
from tests.servers.joined import CREW, GUEST
from tests.servers.looks import Strike, looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.waiting import eventually
from tests.watching import POSTMORTEM, Watch

TCP = "mode tcp\n    option tcplog"
"""HAProxy's lines for a proxy that knows nothing of HTTP."""

Table = dict[str, Any]
"""A session: its target as ``url``, and its options."""


def ws(port: int, path: str = "/", **options: object) -> Table:
    """A raw session at a loopback port."""
    return {"url": f"ws://{LOOPBACK}:{port}{path}"} | options


def wss(port: int, certificate: Certificate, **options: object) -> Table:
    """A raw session over TLS that trusts this certificate."""
    return {"url": f"wss://localhost:{port}/", "cacert": str(certificate.ca)} | options


def sockjs(port: int, transport: str, **options: object) -> Table:
    """A SockJS session at a loopback port."""
    return {"url": f"http://{LOOPBACK}:{port}/echo", "sockjs_transport": transport} | options


def web_stomp(port: int, beats: str, **options: object) -> Table:
    """RabbitMQ's STOMP over WebSocket, wherever it is reached."""
    return {"url": f"stomp+ws://{LOOPBACK}:{port}/ws", "heart_beat": beats} | GUEST | options


def stomp(port: int, beats: str, login: dict[str, str] = GUEST, **options: object) -> Table:
    """STOMP over TCP at a loopback port."""
    return {"url": f"stomp://{LOOPBACK}:{port}", "heart_beat": beats} | login | options


def stomps(port: int, beats: str, certificate: Certificate, login: dict[str, str] = GUEST, **options: object) -> Table:
    """STOMP over TLS that trusts this certificate."""
    table = {"url": f"stomps://localhost:{port}", "heart_beat": beats, "cacert": str(certificate.ca)}
    return table | login | options


def direct(broker: RabbitMq | ActiveMq, beats: str = "1500,1500") -> Table:
    """STOMP over TCP that goes round whatever is between."""
    if isinstance(broker, RabbitMq):
        return stomp(broker.stomp_port, beats)
    return stomp(broker.port, beats, CREW)


def says(every: float, until: float, words: str = "send tick") -> list[str]:
    """What has a session do something at a pace, as its ``do``."""
    return [f"{n * every:.2f} {words}" for n in range(1, int(until / every) + 1)]


async def opened(watch: Watch, **tables: Table) -> None:
    """Opens sessions one after the other, and waits until each is ready."""
    for name, table in tables.items():
        answer = await open_session(watch, name=name, **table)
        assert answer["ok"] is True, answer
        await ready(watch, name, table["url"])


async def ready(watch: Watch, session: str, url: str) -> None:
    """Returns once a session's server has let it in."""
    if url.startswith("stomp"):
        await seen(watch, "stomp", session, command="CONNECTED")
    elif url.startswith("http"):
        await seen(watch, "sockjs", session, kind="o")
    else:
        await seen(watch, "open", session)


async def staged(
    tables: Mapping[str, Table],
    *gone: str,
    strike: Strike | None = None,
    stage: str = "tcp",
    ok: bool = True,
    status: int = 1,
    words: tuple[str, ...] = (),
) -> Watch:
    """Sessions that are all let in, then ``strike``, until those that are ``gone`` have been looked after."""
    async with probing("--stdin", *words, **POSTMORTEM) as watch:
        await opened(watch, **tables)
        if strike is not None:
            await strike(watch)
        await looked(watch, *gone, stage=stage, ok=ok)
        assert {line["s"] for line in watch.of("close")} <= set(gone)
        assert await watch.finish() == status
    return watch


async def refused(refusals: Mapping[str, Table], /, *, after: float = 0.0, before: float = 0.0, **well: Table) -> Watch:
    """Sessions that are let in, and then some that are not: so many seconds ``after``, and ``before`` the end."""
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, **well)
        await asyncio.sleep(after)
        for name, table in refusals.items():
            await open_session(watch, name=name, **table)
        await looked(watch, *refusals)
        await asyncio.sleep(before)
        assert {line["s"] for line in watch.of("close")} == set(refusals)
        assert await watch.finish() == 3
    for name in refusals:
        assert not watch.of("open", name)
    return watch


def assert_cut(watch: Watch, *sessions: str, how: tuple[str, ...] = ("fin", "reset")) -> None:
    """They were ended from afar, without a Close, for the first time."""
    for name in sessions:
        close = watch.of("close", name)[0]
        assert close["initiator"] == "remote" and close["received"] is None, close
        assert close["transport"]["how"] in how


def answer(watch: Watch, session: str) -> int:
    """The status of the one HTTP answer a session got."""
    return int(watch.the("http", session, dir="in")["status"])


class Edited(Nginx):
    """nginx whose administrator changes its configuration while it runs."""

    def __init__(self, home: Path, *args: Any, **options: Any) -> None:
        self._home, self._conf = home, home / "nginx.conf"
        super().__init__(home, *args, **options)

    def edit(self, *changes: tuple[str, str]) -> None:
        """Puts new words in the place of old ones and reloads; when this returns, the old worker takes nobody in."""
        text = self._conf.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self._conf.write_text(text)
        self.reload()
        eventually(lambda: "gracefully shutting down" in self.log)

    def file(self, name: str, text: str) -> Path:
        """Writes a file of its own."""
        path = self._home / name
        path.write_text(text)
        return path


def restarted(server: Daemon) -> None:
    """Stopped in order and started again at once."""
    server.stop()
    server.begin()
