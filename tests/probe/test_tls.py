"""TLS: certificates that are not accepted and why, and the wrong protocol on a port. Drops are in ``tests/servers``."""

import ssl

import pytest
import trustme

from tests.probing import run
from tests.servers import scripts
from tests.servers.scripted import Connection, ScriptedServer
from tests.serving import echo, expired, server_context, serving


async def test_a_good_certificate(tls: ssl.SSLContext, ca_file: str) -> None:
    async with serving(echo, ssl=tls) as url:
        watch, status = await run(url, "--cacert", ca_file, "--do", "0 close")
    fact, close = watch.the("tls"), watch.the("close")
    assert status == 0
    assert (fact["ok"], fact["version"], fact["servername"]) == (True, "TLSv1.3", "localhost")
    assert fact["cipher"] and len(fact["chain"]) >= 1
    leaf = fact["chain"][0]
    assert leaf["names"] == ["localhost"] and len(leaf["sha256"]) == 64
    assert leaf["not_before"] < leaf["not_after"] and leaf["subject"] and leaf["issuer"]
    assert close["transport"]["close_notify"] == {"in": True, "out": True} and close["clean"] is True
    kinds = [line["type"] for line in watch.lines]
    assert kinds.index("tcp") < kinds.index("tls") < kinds.index("http") < kinds.index("open")


async def test_a_certificate_nobody_here_trusts_and_insecure(tls: ssl.SSLContext) -> None:
    async with serving(echo, ssl=tls) as url:
        watch, status = await run(url)
        insecure, fine = await run(url, "--insecure", "--do", "0 close")
    refused = watch.the("tls")
    assert (status, refused["ok"]) == (3, False)
    assert refused["verify_code"] in (18, 19, 20, 21) and refused["error"]
    assert refused["chain"][0]["names"] == ["localhost"], "the chain is shown though it was refused"
    end = watch.the("end")
    assert (end["how"], end["phase"]) == ("tls", "tls")
    assert end["alert"] == {"name": "unknown_ca", "number": 48, "dir": "out"}
    assert watch.the("close")["initiator"] == "local"
    assert (fine, insecure.the("tls")["ok"]) == (0, True)


async def test_a_wrong_name_and_servername(tls: ssl.SSLContext, ca_file: str) -> None:
    async with serving(echo, ssl=tls) as url:
        wrong = url.replace("localhost", "127.0.0.1")
        watch, status = await run(wrong, "--cacert", ca_file)
        named, fine = await run(wrong, "--cacert", ca_file, "--servername", "localhost", "--do", "0 close")
    refused = watch.the("tls")
    assert (status, refused["ok"], refused["verify_code"], refused["servername"]) == (3, False, 64, "127.0.0.1")
    assert watch.the("end")["alert"]["dir"] == "out"
    assert (fine, named.the("tls")["servername"]) == (0, "localhost")


async def test_a_common_name_is_no_name(authority: trustme.CA, ca_file: str) -> None:
    async with serving(echo, ssl=server_context(authority.issue_cert(common_name="localhost"))) as url:
        watch, status = await run(url, "--cacert", ca_file)
    assert (status, watch.the("tls")["verify_code"]) == (3, 62)


async def test_an_expired_certificate(authority: trustme.CA, ca_file: str) -> None:
    async with serving(echo, ssl=server_context(expired(authority))) as url:
        watch, status = await run(url, "--cacert", ca_file)
    refused = watch.the("tls")
    assert (status, refused["ok"], refused["verify_code"]) == (3, False, 10)
    assert "expired" in refused["error"]
    assert watch.the("end")["alert"] == {"name": "certificate_expired", "number": 45, "dir": "out"}


async def test_a_server_that_wants_our_certificate(authority: trustme.CA, ca_file: str, tmp_path: object) -> None:
    context = server_context(authority.issue_cert("localhost"))
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    ours = f"{tmp_path}/client.pem"
    authority.issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(ours)
    with ScriptedServer(scripts.echo, context) as server:
        watch, status = await run(server.url, "--cacert", ca_file)
    async with serving(echo, ssl=context) as url:
        shown, fine = await run(url, "--cacert", ca_file, "--cert", ours, "--do", "0 close")
    end = watch.the("end")
    # TLS 1.3: our side is ready before the server judges our certificate; its alert comes instead of the 101.
    assert (status, end["how"]) == (3, "tls")
    assert end["alert"] == {"name": "certificate_required", "number": 116, "dir": "in"}
    assert watch.the("close")["initiator"] == "remote"
    assert (fine, shown.the("tls")["ok"]) == (0, True)


async def test_a_sockjs_session_says_who_gave_up_too(authority: trustme.CA, ca_file: str) -> None:
    """Of ``/info`` as of any request the end has its TLS alert, and the alert's side."""
    context = server_context(authority.issue_cert("localhost"))
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    with ScriptedServer(scripts.echo, context) as server:
        untrusting, _ = await run(server.url.replace("wss:", "https:"))
    with ScriptedServer(scripts.echo, context) as server:
        unknown, _ = await run(server.url.replace("wss:", "https:"), "--cacert", ca_file)
    mine, theirs = untrusting.the("end"), unknown.the("end")
    assert (mine["how"], mine["phase"]) == ("tls", "tls")
    assert mine["alert"] == {"name": "unknown_ca", "number": 48, "dir": "out"}
    assert theirs["alert"] == {"name": "certificate_required", "number": 116, "dir": "in"}
    assert [watch.the("close")["initiator"] for watch in (untrusting, unknown)] == ["local", "remote"]
    assert len(unknown.of("tcp_info", when="end")) == 1


async def test_a_close_read_together_with_a_bare_fin(tls: ssl.SSLContext, ca_file: str) -> None:
    """Our echo goes out before TLS hears of TCP's end: it takes nothing after that either."""
    with ScriptedServer(scripts.closes_all_at_once(scripts.truncated), tls) as server:
        watch, status = await run(
            server.url, "--cacert", ca_file, "--do", "0.1 send hello", "--do", "0.1 freeze 0.4"
        )  # fmt: skip
    close = watch.the("close")
    assert (status, watch.stderr, close["code"], close["sent"]["code"]) == (1, b"", 1000, 1000)
    assert (close["transport"]["how"], close["transport"]["close_notify"]["in"]) == ("fin", False)


async def test_wss_to_a_port_that_speaks_plain_websocket() -> None:
    async with serving(echo) as url:
        watch, status = await run(url.replace("ws://", "wss://"))
    end, refused = watch.the("end"), watch.the("tls")
    assert (status, refused["ok"], end["phase"]) == (3, False, "tls")
    assert end["how"] in ("tls", "fin", "reset") and end["detail"]


async def test_plain_websocket_to_a_tls_port(tls: ssl.SSLContext) -> None:
    async with serving(echo, ssl=tls) as url:
        watch, status = await run(url.replace("wss://", "ws://"))
    end = watch.the("end")
    assert (status, end["phase"]) == (3, "http")
    answer = watch.of("http", dir="in")
    assert end["how"] == ("http" if answer else "fin")
    if answer:
        assert answer[0]["status"] is None and answer[0]["raw"].startswith("\x15\x03")  # an alert record, RFC 8446 §5.1


@pytest.mark.parametrize("words", ["half-close", "abort", "reset"])
async def test_of_our_abrupt_ends_only_half_close_says_close_notify(
    words: str, tls: ssl.SSLContext, ca_file: str
) -> None:
    with ScriptedServer(scripts.echo, tls) as server:
        watch, status = await run(server.url, "--cacert", ca_file, "--do", f"0 {words}")
    notify = watch.the("end")["close_notify"]
    assert status == 0 and notify["out"] is (words == "half-close")


async def test_a_tls_server_that_stays_silent_meets_the_open_timeout() -> None:
    with ScriptedServer(Connection.hold) as server:
        watch, status = await run(server.url.replace("ws://", "wss://"), "--open-timeout", "0.4")
    end = watch.the("end")
    assert (status, end["how"], end["phase"]) == (3, "timeout", "tls")
