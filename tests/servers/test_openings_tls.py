"""TLS handshakes that real servers do not finish, and what the probe sees of it."""

from pathlib import Path

import pytest

from tests.probing import run
from tests.servers import certificates
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import NodeEndings
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.takes import Take, extra
from tests.watching import Watch

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        extra("old-version", "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;"),
        ("no-common-cipher", "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA;"),
        extra("name-nobody-has", "ssl_reject_handshake on;"),
    ],
)
async def test_nginx_and_we_agree_on_nothing(
    node_endings: NodeEndings,
    start: Starter,
    certificate: Certificate,
    recorder: Recorder,
    take: Take,
    name: str,
    rules: str,
) -> None:
    nginx = start(Nginx, node_endings.port, certificate=certificate, rules=rules)
    watch, status = await run(f"wss://localhost:{nginx.port}/", "--cacert", str(certificate.ca))
    assert status == 3
    assert watch.the("tls")["ok"] is False
    assert (watch.the("end")["how"], watch.the("end")["phase"]) == ("tls", "tls")
    recorder.keep(take.of(f"nginx-tls-{name}"), watch)


async def connect(certificate: Certificate, url: str, ours: Certificate | None) -> tuple[Watch, int]:
    """A session with our own certificate, or none."""
    words = () if ours is None else ("--cert", str(ours.chain), "--key", str(ours.key))
    return await run(url, "--cacert", str(certificate.ca), *words)


@pytest.fixture
def wanted(tmp_path: Path) -> Certificate:
    """A client's certificate, as the server wants one."""
    directory = tmp_path / "wanted"
    directory.mkdir()
    return certificates.issue_client(directory)


@pytest.fixture
def stranger(tmp_path: Path) -> Certificate:
    """A client's certificate of an authority nobody knows."""
    directory = tmp_path / "stranger"
    directory.mkdir()
    return certificates.issue_client(directory)


@pytest.mark.parametrize("version", ["TLSv1.3", extra("TLSv1.2")])
@pytest.mark.parametrize("shown", ["nothing", extra("a stranger's")])
async def test_nginx_wants_a_certificate_of_ours(
    node_endings: NodeEndings,
    start: Starter,
    certificate: Certificate,
    wanted: Certificate,
    stranger: Certificate,
    recorder: Recorder,
    take: Take,
    shown: str,
    version: str,
) -> None:
    """It ends the handshake first and says so by HTTP then: 400."""
    rules = f"ssl_client_certificate {wanted.ca}; ssl_verify_client on; ssl_protocols {version};"
    nginx = start(Nginx, node_endings.port, certificate=certificate, rules=rules)
    ours = None if shown == "nothing" else stranger
    watch, status = await connect(certificate, f"wss://localhost:{nginx.port}/", ours)
    assert status == 3
    assert watch.the("http", dir="in")["status"] == 400
    name = "missing" if ours is None else "of-a-stranger"
    recorder.keep(take.of(f"nginx-client-certificate-{name}-{version.lower().replace('.', '')}"), watch)


@pytest.mark.parametrize("version", ["TLSv1.3", extra("TLSv1.2")])
@pytest.mark.parametrize("shown", ["nothing", "a stranger's"])
async def test_node_wants_a_certificate_of_ours(
    start: Starter,
    certificate: Certificate,
    wanted: Certificate,
    stranger: Certificate,
    recorder: Recorder,
    take: Take,
    shown: str,
    version: str,
) -> None:
    """OpenSSL's own refusal: an alert, with TLS 1.3 after we think the handshake done."""
    server = start(
        NodeEndings, cert=str(certificate.chain), key=str(certificate.key), ca=str(wanted.ca), tlsVersion=version
    )
    ours = None if shown == "nothing" else stranger
    watch, status = await connect(certificate, server.tls_url, ours)
    assert status == 3
    assert not watch.of("open")
    name = "missing" if ours is None else "of-a-stranger"
    recorder.keep(take.of(f"node-client-certificate-{name}-{version.lower().replace('.', '')}"), watch)


@pytest.mark.parametrize(
    ("name", "host", "words"),
    [
        ("address", "127.0.0.1", ()),
        extra("servername", "localhost", ("--servername", "shop.example")),
    ],
)
async def test_a_certificate_for_another_name(
    start: Starter, tmp_path: Path, recorder: Recorder, take: Take, name: str, host: str, words: tuple[str, ...]
) -> None:
    """The certificate names ``localhost`` only; the address is none of its names."""
    certificate = certificates.issue(tmp_path, "localhost")
    server = start(NodeEndings, cert=str(certificate.chain), key=str(certificate.key))
    watch, status = await run(f"wss://{host}:{server.port}/", "--cacert", str(certificate.ca), *words)
    assert status == 3
    assert watch.the("tls")["ok"] is False
    recorder.keep(take.of(f"node-tls-other-{name}"), watch)
