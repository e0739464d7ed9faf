"""One session's options: what they mean, every way to be wrong, and what is shown of them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme

from tui.facts.commands import SessionCommand
from tui.facts.redaction import Redactor
from tui.knowledge.catalogue import LANGUAGES
from tui.options.errors import BadOption
from tui.options.spec import SessionSpec, check, read_spec, split_address, tls_context
from tui.protocols.heartbeat import Pair

URL = "ws://127.0.0.1:1/"


def refused(**options: Any) -> BadOption:
    with pytest.raises(BadOption) as caught:
        check(SessionSpec(url=options.pop("url", URL), **options))
    for lang in LANGUAGES:
        said = caught.value.said(lang)
        assert caught.value.option in said and "\n" not in said
    return caught.value


def test_what_the_fields_mean() -> None:
    spec = SessionSpec(
        url="stomp+ws://h/", heart_beat="1000, 0", header=["A: b", "C:d:e ", "E:"], connect_header=["x: y"],
        do=["1.5 send hello you", "0 bob: close 1000"],
    )  # fmt: skip
    check(spec)
    assert spec.speaks_stomp and not SessionSpec(url=URL).speaks_stomp and SessionSpec(url=URL, stomp=True).speaks_stomp
    assert spec.beats == Pair(1000, 0)
    assert spec.headers == [("A", "b"), ("C", "d:e"), ("E", "")]
    assert spec.connect_headers == [("x", "y")]
    assert spec.schedule == [
        (1.5, SessionCommand(verb="send", args=("hello you",), text="send hello you")),
        (0.0, SessionCommand(verb="close", args=(1000,), session="bob", text="close 1000")),
    ]


@pytest.mark.parametrize(
    "header", ["no colon", "bad name: x", ": x", "A: b\r\nC: d", "A: b\0", "A: \x1b[2J", "A: \x7f"]
)
@pytest.mark.parametrize("field", ["header", "connect_header"])
def test_a_bad_header(field: str, header: str) -> None:
    error = refused(**{field: [header]})
    assert (error.key, error.option) == ("option.header", f"--{field.replace('_', '-')}")


@pytest.mark.parametrize("header", ["Authorization: hunter2\n", "Authorization Bearer hunter2", "Cookie:a=hunter2\r"])
def test_a_bad_headers_secret_is_not_said_back(header: str) -> None:
    assert "hunter2" not in str(refused(header=[header]).args_)


@pytest.mark.parametrize(
    "pair", ["", "1000", "1000;1000", "-1,0", "1,2,3", "a,b", "1.5,0", "1e3,0", "9" * 12 + "," + "9" * 12]
)
def test_a_bad_heart_beat_pair(pair: str) -> None:
    error = refused(heart_beat=pair)
    assert (error.key, error.args_["given"]) == ("option.heart_beat", pair)
    assert "25000,25000" in error.said("en") and "25000,25000" in error.said("zh")


@pytest.mark.parametrize("option", ["open_timeout", "close_timeout", "ping_interval", "ping_timeout"])
@pytest.mark.parametrize("seconds", [0.0, -1.0, float("inf"), float("nan")])
def test_bad_seconds(option: str, seconds: float) -> None:
    assert refused(**{option: seconds}).key == "option.seconds"


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"name": "a b"}, "option.bad_name"),
        ({"user": "nocolon"}, "option.user"),
        ({"max_size": -1}, "option.max_size"),
        ({"stomp_version": "1.3"}, "option.stomp_version"),
        ({"stomp_version": "1.2,"}, "option.stomp_version"),
        ({"subprotocol": ["v12.stomp,v11.stomp"]}, "option.subprotocol"),
        ({"subprotocol": [""]}, "option.subprotocol"),
        ({"connect_to": "host"}, "option.address"),
        ({"connect_to": ":80"}, "option.address"),
        ({"connect_to": "h:0"}, "option.address"),
        ({"connect_to": "h:99999"}, "option.address"),
        ({"origin": "http://a\r\nb"}, "option.one_line"),
        ({"servername": "a..b"}, "option.servername"),
        ({"servername": ""}, "option.servername"),
        ({"do": ["soon close"]}, "option.do"),
        ({"do": ["-1 close"]}, "option.do"),
        ({"do": ["nan close"]}, "option.do"),
        ({"do": [""]}, "option.do"),
        ({"do": ["1"]}, "command.unknown_verb"),
        ({"do": ["1 jump"]}, "command.unknown_verb"),
        ({"do": ["1 close much"]}, "command.bad_code"),
        ({"do": ["1 subscribe"]}, "command.missing_argument"),
        ({"passcode_env": "SURELY_UNSET_VARIABLE"}, "option.env_unset"),
        ({"passcode_file": "/nonexistent/passcode"}, "option.file"),
        ({"cacert": "/nonexistent/ca.pem"}, "option.file"),
        ({"cert": "/nonexistent/cert.pem"}, "option.file"),
        ({"key": "/nonexistent/key.pem"}, "option.key_without_cert"),
        ({"url": "wss://h/", "cacert": "/nonexistent/ca.pem"}, "option.file"),
    ],
)  # fmt: skip
def test_every_other_bad_value(options: dict[str, Any], key: str) -> None:
    error = refused(**options)
    assert error.key == key
    [(name, given)] = [(name, given) for name, given in options.items() if name != "url"]
    assert error.option == (name if name == "name" else "--" + name.replace("_", "-"))
    wanted = "***" if name == "user" else given[0] if isinstance(given, list) else given
    assert error.args_.get("within", error.args_["given"]) == wanted


def test_a_cookie_is_not_said_back() -> None:
    error = refused(cookie=["id=hunter2\n"])
    assert error.option == "--cookie" and "hunter2" not in str(error.args_)


def test_certificates(tmp_path: Path) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("client.example")
    ca, chain, key, other = (tmp_path / name for name in ("ca.pem", "chain.pem", "key.pem", "other.pem"))
    authority.cert_pem.write_to_path(str(ca))
    leaf.private_key_and_cert_chain_pem.write_to_path(str(chain))
    leaf.private_key_pem.write_to_path(str(key))
    authority.issue_cert("x.example").private_key_pem.write_to_path(str(other))
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("nothing of the kind")

    check(SessionSpec(url="wss://h/", cacert=str(ca), cert=str(chain), key=str(key)))
    check(SessionSpec(url="wss://h/", cert=str(chain)))
    assert len(tls_context(SessionSpec(url="wss://h/", cacert=str(ca))).get_ca_certs()) > 0
    for options, option in (
        ({"cacert": garbage}, "--cacert"),
        ({"cert": garbage}, "--cert"),
        ({"cert": chain, "key": other}, "--cert"),
        ({"cert": chain, "key": garbage}, "--cert"),
    ):
        error = refused(**{name: str(path) for name, path in options.items()})
        assert (error.key, error.option) == ("option.file", option)


def test_an_encrypted_key_is_refused_without_asking_at_the_terminal(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    leaf = trustme.CA().issue_cert("client.example")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    leaf.cert_chain_pems[0].write_to_path(str(chain))
    plain = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    key.write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hunter2"),
        )
    )
    assert refused(cert=str(chain), key=str(key)).option == "--cert"


def test_the_passcode_from_wherever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "passcode"
    file.write_text("from a file\n")
    monkeypatch.setenv("THE_PASSCODE", "from the environment")
    assert SessionSpec(url=URL).secret() is None
    assert SessionSpec(url=URL, passcode="said").secret() == "said"
    assert SessionSpec(url=URL, passcode_file=str(file)).secret() == "from a file"
    assert SessionSpec(url=URL, passcode_env="THE_PASSCODE").secret() == "from the environment"


@pytest.mark.parametrize(
    ("text", "address"), [("h:1", ("h", 1)), ("[::1]:65535", ("::1", 65535)), ("10.0.0.7:80", ("10.0.0.7", 80))]
)
def test_an_address(text: str, address: tuple[str, int]) -> None:
    assert split_address("--connect-to", text) == address


# Session tables: what an ``open`` command holds.


def test_a_session_table() -> None:
    table = {
        "url": "stomp+ws://h/",
        "name": "bob",
        "heart-beat": "0,0",
        "do": ["1 close"],
        "open-timeout": 2,
        "stomp": True,
    }
    spec = read_spec(table)
    assert (spec.name, spec.heart_beat, spec.open_timeout, spec.stomp) == ("bob", "0,0", 2.0, True)


@pytest.mark.parametrize(
    ("table", "key", "option", "given"),
    [
        ({}, "option.no_url", "session", ""),
        ({"name": "a"}, "option.no_url", "session", "name"),
        ({"url": URL, "heartbeat": "0,0"}, "option.unknown_key", "heartbeat", "heartbeat"),
        ({"url": URL, "open_timeout": 1}, "option.unknown_key", "open_timeout", "open_timeout"),
        ({"url": 5}, "option.text", "url", 5),
        ({"url": URL, "heart-beat": 5}, "option.text", "heart-beat", 5),
        ({"url": URL, "open-timeout": "5"}, "option.number", "open-timeout", "5"),
        ({"url": URL, "max-size": 1.5}, "option.whole", "max-size", 1.5),
        ({"url": URL, "stomp": "yes"}, "option.boolean", "stomp", "yes"),
        ({"url": URL, "do": "1 close"}, "option.list", "do", "1 close"),
        ({"url": URL, "subscribe": ["/a", 5]}, "option.list", "subscribe", ["/a", 5]),
        ({"url": URL, "passcode": 5}, "option.text", "passcode", "***"),
        ({"url": URL, "heart-beat": "x"}, "option.heart_beat", "heart-beat", "x"),
        ({"url": "ftp://h/"}, "option.url_scheme", "url", "ftp://h/"),
        ({"url": URL, "name": "1"}, "option.bad_name", "name", "1"),
    ],
)
def test_a_bad_session_table(table: dict[str, Any], key: str, option: str, given: object) -> None:
    with pytest.raises(BadOption) as caught:
        read_spec(table)
    assert (caught.value.key, caught.value.option, caught.value.args_["given"]) == (key, option, given)
    for lang in LANGUAGES:
        assert option in caught.value.said(lang)


# What is shown.


def test_what_differs_is_shown_and_no_secret() -> None:
    spec = SessionSpec(
        url=URL, name="a", user="me:hunter2", passcode="hunter2", cookie=["id=hunter2"], login="me",
        header=["Authorization: Bearer hunter2", "X-Plain: yes"], connect_header=["passcode: hunter2"],
        do=[r"1 stomp-frame CONNECT\nlogin:me\npasscode:hunter2\n\n\0"], origin="http://me:hunter2@h/",
    )  # fmt: skip
    shown = spec.shown(Redactor())
    assert "hunter2" not in str(shown)
    assert shown["header"] == ["Authorization: ***", "X-Plain: yes"]
    assert shown["do"] == [r"1 stomp-frame CONNECT\nlogin:me\npasscode:***\n\n\0"]
    assert shown["login"] == "me"
    assert "heart-beat" not in shown and "url" not in shown

    open_ = spec.shown(Redactor(enabled=False))
    assert open_["passcode"] == "hunter2" and open_["cookie"] == ["id=hunter2"]
    assert open_["header"] == ["Authorization: Bearer hunter2", "X-Plain: yes"]


def test_what_a_user_wants_hidden_is_hidden_in_every_option() -> None:
    texts: dict[str, Any] = {
        field.encode_name: ["2 send Leonora"] if field.encode_name == "do" else ["X: Leonora"]
        for field in msgspec.structs.fields(SessionSpec)
        if field.type == list[str]
    }
    texts |= {field.encode_name: "Leonora" for field in msgspec.structs.fields(SessionSpec) if field.type == str | None}
    shown = msgspec.convert({**texts, "url": URL}, SessionSpec).shown(Redactor(["Leonora"]))
    assert "Leonora" not in str(shown) and shown.keys() == texts.keys()


@pytest.mark.parametrize("path", ["", "x" * 104, "a\0b"])
def test_a_bad_unix_socket(path: str) -> None:
    assert refused(unix_socket=path).key == "option.unix_socket"


@pytest.mark.parametrize("other", [{"proxy": "http://p:1"}, {"connect_to": "h:1"}])
def test_a_unix_socket_is_the_whole_way_there(other: dict[str, str]) -> None:
    assert refused(unix_socket="/run/x", **other).key == "option.unix_socket_alone"


def test_a_proxys_login_is_masked() -> None:
    for given in ("http://ann:secret@p:1", "ann:secret@p:1"):
        assert SessionSpec(url=URL, proxy=given).shown(Redactor())["proxy"].endswith("***@p:1")
    assert "secret" not in str(refused(proxy="ftp://ann:secret@p").args_)
