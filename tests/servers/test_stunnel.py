"""TLS by stunnel in front of a plain server."""

from pathlib import Path

import pytest

from tests.probing import run
from tests.servers import certificates
from tests.servers.nginx import Certificate
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel

pytestmark = pytest.mark.real


async def test_an_idle_connection_ends(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    stunnel = start(Stunnel, echo_port, certificate, idle=1)
    url = f"wss://localhost:{stunnel.port}/"
    watch, status = await run(url, "--cacert", str(certificate.ca), "--do", "0.2 send hello")
    assert status == 1
    close = watch.the("close")
    assert [frame["text"] for frame in watch.of("frame")] == ["hello", "hello"]
    assert (close["code"], close["synthetic"], close["initiator"]) == (1006, True, "remote")
    assert 0.9 <= close["idle_any"] <= 2.2
    # It does not say goodbye: neither close_notify nor FIN, and its log calls it "sending reset".
    assert (close["transport"]["how"], close["transport"]["close_notify"]["in"]) == ("reset", False)
    assert "TIMEOUTidle exceeded: sending reset" in stunnel.log
    recorder.keep("stunnel-idle", watch)


async def test_it_wants_our_certificate(
    echo_port: int, start: Starter, certificate: Certificate, tmp_path: Path, recorder: Recorder
) -> None:
    client = certificates.issue_client(tmp_path)
    stunnel = start(Stunnel, echo_port, certificate, client_ca=client.ca)
    words = (f"wss://localhost:{stunnel.port}/", "--cacert", str(certificate.ca))

    watch, status = await run(*words)
    assert status == 3
    # With TLS 1.3 a client is refused after its handshake has gone well (RFC 8446 §4.4.2.4).
    assert watch.the("tls")["ok"] is True
    end = watch.the("end")
    assert (end["how"], end["phase"]) == ("tls", "http")
    assert end["alert"] == {"name": "certificate_required", "number": 116, "dir": "in"}
    recorder.keep("stunnel-client-certificate-missing", watch)

    watch, status = await run(*words, "--cert", str(client.chain), "--key", str(client.key), "--do", "0 close")
    assert status == 0
    assert watch.the("tls")["ok"] is True
