"""How a TLS server ends, with and without close_notify and Close frame, and how ``watch`` tells them apart."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.servers import certificates, scripts
from tests.servers.nginx import Certificate
from tests.servers.recordings import Recorder
from tests.servers.scripted import Connection, Script, ScriptedServer
from tests.watching import POSTMORTEM, Watch, watching


async def run(script: Script, certificate: Certificate, *args: str) -> tuple[Watch, int]:
    """One session with a TLS server, to its end."""
    with ScriptedServer(script, certificates.server_context(certificate)) as server:
        async with watching(server.url, "--cacert", str(certificate.ca), *args, **POSTMORTEM) as watch:
            status = await watch.finish()
    return watch, status


class Ending(NamedTuple):
    """How a server ends TLS and TCP, and what must be said of it."""

    end: Callable[[Connection], None]
    how: str
    close_notify: bool


ENDINGS = {
    "with-close-notify": Ending(scripts.in_order, "fin", True),
    "without-close-notify": Ending(scripts.truncated, "fin", False),
    "reset": Ending(scripts.reset, "reset", False),
}


@pytest.mark.parametrize("name", ENDINGS)
async def test_dropped_without_a_close_frame(name: str, certificate: Certificate, recorder: Recorder) -> None:
    ending = ENDINGS[name]
    watch, status = await run(scripts.drops(ending.end), certificate)

    assert status == 1
    assert watch.of("tls")[0]["ok"] is True
    close = watch.the("close")
    assert (close["code"], close["synthetic"], close["received"]) == (1006, True, None)
    assert (close["initiator"], close["clean"]) == ("remote", False)
    assert close["transport"]["how"] == ending.how
    assert close["transport"]["errno"] == ("ECONNRESET" if ending.how == "reset" else None)
    assert close["transport"]["close_notify"]["in"] is ending.close_notify
    assert close["transport"]["alert"] is None
    recorder.keep(f"tls-drop-{name}", watch)


@pytest.mark.parametrize("name", ["with-close-notify", "without-close-notify"])
async def test_closed_in_order(name: str, certificate: Certificate, recorder: Recorder) -> None:
    ending = ENDINGS[name]
    watch, status = await run(scripts.closes(1001, "restart", ending.end), certificate)

    assert status == 1
    close = watch.the("close")
    assert close["received"] == {"code": 1001, "reason": "restart"}
    assert close["sent"] == {"code": 1001, "reason": close["sent"]["reason"]}
    assert (close["initiator"], close["clean"], close["synthetic"]) == ("remote", True, False)
    assert close["transport"]["how"] == "fin"
    assert close["transport"]["close_notify"]["in"] is ending.close_notify
    recorder.keep(f"tls-close-{name}", watch)


async def test_a_close_read_together_with_the_end_behind_it(certificate: Certificate) -> None:
    """Our echo goes out before our close_notify: TLS takes nothing after that."""
    script, frozen = scripts.closes_all_at_once(scripts.in_order), ("--do", "0 send hello", "--do", "0 freeze 0.3")
    watch, status = await run(script, certificate, *frozen)

    assert status == 1
    assert not watch.stderr
    close = watch.the("close")
    assert (close["code"], close["reason"], close["initiator"]) == (1000, "STOMP died", "remote")
    assert (close["transport"]["how"], close["transport"]["close_notify"]["in"]) == ("fin", True)


async def test_our_close_notify_never_turns_a_fin_into_a_reset(certificate: Certificate) -> None:
    watch, status = await run(scripts.closes_tcp_after_close_notify, certificate)

    assert status == 1
    transport = watch.the("close")["transport"]
    assert (transport["how"], transport["close_notify"]["in"]) == ("fin", True)


async def test_untrusted_certificate(certificate: Certificate, recorder: Recorder) -> None:
    with ScriptedServer(scripts.echo, certificates.server_context(certificate)) as server:
        async with watching(server.url) as watch:
            assert await watch.finish() == 3

    tls = watch.the("tls")
    assert tls["ok"] is False and tls["chain"][0]["names"] == ["localhost", "127.0.0.1"]
    assert not watch.of("open")
    close = watch.the("close")
    assert (close["transport"]["how"], close["transport"]["phase"]) == ("tls", "tls")
    assert (close["code"], close["synthetic"], close["age"]) == (1006, True, None)
    assert close["transport"]["alert"] == {"name": "unknown_ca", "number": 48, "dir": "out"}
    recorder.keep("tls-untrusted", watch)
