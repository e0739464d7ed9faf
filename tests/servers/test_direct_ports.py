"""Ports where something else listens: Redis, OpenSSH and a web server that knows no WebSocket."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.probing import probing, seen
from tests.servers.child import Daemon, installed
from tests.servers.looks import looked
from tests.servers.node import NodeWs
from tests.servers.ports import LOOPBACK, free_ports
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


class Redis(Daemon):
    """Redis that keeps nothing."""

    def __init__(self, home: Path) -> None:
        (port,) = free_ports(1)
        words = [installed("redis-server", "redis-server"), "--bind", LOOPBACK, "--port", str(port), "--save", ""]
        super().__init__(port, [*words, "--dir", str(home)], log=home / "redis.log")


class Sshd(Daemon):
    """OpenSSH's server; nobody has a key of it."""

    def __init__(self, home: Path) -> None:
        (port,) = free_ports(1)
        words = [installed("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", str(home / "host")]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        conf = home / "sshd.conf"
        conf.write_text(f"ListenAddress {LOOPBACK}\nPort {port}\nHostKey {home}/host\nPidFile none\nUsePAM no\n")
        Path("/run/sshd").mkdir(exist_ok=True)
        words = [installed("sshd", "openssh-server"), "-D", "-e", "-f", str(conf)]
        super().__init__(port, words, log=home / "sshd.log", says="listening on")


class Pages(Daemon):
    """Python's own web server over a directory of pages."""

    def __init__(self, home: Path) -> None:
        (port,) = free_ports(1)
        (home / "pages").mkdir()
        (home / "pages" / "index.html").write_text("<!doctype html><title>Shop</title><p>Come in.\n")
        words = [sys.executable, "-m", "http.server", str(port), "--bind", LOOPBACK, "--directory", f"{home}/pages"]
        super().__init__(port, words, log=home / "pages.log")


@pytest.mark.parametrize(
    ("name", "kind", "scheme"),
    [
        ("websocket-to-redis", Redis, "ws"),
        ("stomp-to-redis", Redis, "stomp"),
        ("websocket-to-ssh", Sshd, "ws"),
        ("stomp-to-ssh", Sshd, "stomp"),
        ("websocket-to-web-pages", Pages, "ws"),
    ],
)
async def test_the_wrong_port(
    start: Starter, recorder: Recorder, name: str, kind: type[Redis | Sshd | Pages], scheme: str
) -> None:
    """A session with the right one is well."""
    wrong, right = start(kind), start(NodeWs)
    slash = "/" if scheme == "ws" else ""
    words = (f"right={right.url}", f"wrong={scheme}://{LOOPBACK}:{wrong.port}{slash}", "--open-timeout", "4")
    async with probing(*words, "--do", "0.5 right: send hello", "--stdin", **POSTMORTEM) as watch:
        await looked(watch, "wrong")
        await seen(watch, "frame", "right", dir="in", text="hello")
        assert await watch.finish() == 3
    assert not watch.of("open", "wrong")
    recorder.keep(f"direct-{name}", watch)
