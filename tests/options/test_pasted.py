"""A copied command as a session: what browsers and tools copy, in the quoting of each."""

import shlex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.options.pasted import NoCommand, Pasted, is_command, pasted
from tui.options.spec import read_spec

CHROME = r"""curl 'wss://shop.example/ws/chat?room=1' \
  -H 'Upgrade: websocket' \
  -H 'Origin: https://shop.example' \
  -H 'Cache-Control: no-cache' \
  -H 'Accept-Language: en' \
  -b 'JSESSIONID=abc; theme=dark' \
  -H 'Pragma: no-cache' \
  -H 'Connection: Upgrade' \
  -H 'Sec-WebSocket-Key: KEY==' \
  -H 'User-Agent: Mozilla/5.0' \
  -H 'Sec-WebSocket-Version: 13' \
  -H 'Sec-WebSocket-Protocol: v12.stomp, v11.stomp' \
  -H 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'"""

CMD = """curl ^"https://shop.example/app^" ^
  -H ^"Upgrade: websocket^" ^
  -H ^"X-Name: a^&b^" """


def test_a_browsers_upgrade_request() -> None:
    made = pasted(CHROME)
    assert made.left_out == []
    assert made.table == {
        "url": "stomp+wss://shop.example/ws/chat?room=1", "origin": "https://shop.example",
        "cookie": ["JSESSIONID=abc; theme=dark"],
        "header": ["Cache-Control: no-cache", "Accept-Language: en", "Pragma: no-cache", "User-Agent: Mozilla/5.0"],
    }  # fmt: skip
    read_spec(made.table)


def test_windows_quoting() -> None:
    assert pasted(CMD).table == {"url": "wss://shop.example/app", "header": ["X-Name: a&b"]}


def test_bashs_own_quoting() -> None:
    made = pasted(r"curl 'http://h/' -H $'X: it\'s \u4f60 \x41' -H 'Sec-WebSocket-Key: x'")
    assert made.table == {"url": "ws://h/", "header": ["X: it's 你 A"]}


def test_a_sockjs_session_is_opened_at_its_base() -> None:
    assert pasted("curl 'wss://h/app/042/k3x9w2ab/websocket' -H 'Upgrade: websocket'").table["url"] == "https://h/app"
    assert pasted("curl http://h/app/1/abc/xhr_streaming -X POST").table["url"] == "http://h/app"
    assert pasted("curl http://h/app").table["url"] == "http://h/app"


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("curl -sS -k -u me:pw --cacert ca.pem --cert c.pem --key k.pem -x http://p:1 --unix-socket /s wss://h/",
         {"url": "wss://h/", "insecure": True, "user": "me:pw", "cacert": "ca.pem", "cert": "c.pem", "key": "k.pem",
          "proxy": "http://p:1", "unix-socket": "/s"}),
        ("curl wss://h/ --connect-to h:443:10.0.0.1:8443", {"url": "wss://h/", "connect-to": "10.0.0.1:8443"}),
        ("curl wss://h/ --connect-to ::[::1]:1", {"url": "wss://h/", "connect-to": "[::1]:1"}),
        ("curl wss://h/ --resolve h:443:10.0.0.1", {"url": "wss://h/", "connect-to": "10.0.0.1:443"}),
        ("curl -H'A: b' -XGET -L --connect-timeout 3 wss://h/ -A me -H 'Host: h'",
         {"url": "wss://h/", "location": True, "open-timeout": 3.0, "header": ["A: b", "User-Agent: me"]}),
        ("wscat -c wss://h/x -s v12.stomp -o https://o --auth a:b -n -H A:b -x hi",
         {"url": "stomp+wss://h/x", "origin": "https://o", "user": "a:b", "insecure": True, "header": ["A: b"],
          "do": ["0 send hi"]}),
        ("wscat -c echo.example/x -s chat", {"url": "ws://echo.example/x", "subprotocol": ["chat"]}),
        ("websocat -k --protocol graphql-ws ws://h/ -H='A: b'", {"url": "ws://h/", "insecure": True,
                                                                "subprotocol": ["graphql-ws"]}),
    ],
)  # fmt: skip
def test_commands(text: str, table: dict[str, object]) -> None:
    made = pasted(text)
    assert {key: made.table[key] for key in table} == table
    assert set(made.table) <= {*table, "header"}


def test_what_says_nothing_to_a_session_is_named() -> None:
    assert pasted("curl wss://h/ --http3 --data x").left_out == ["--http3", "--data", "x"]


@pytest.mark.parametrize("text", ["curl 'wss://h", "curl -H", "curl -k"])
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(NoCommand):
        pasted(text)


@pytest.mark.parametrize(
    ("text", "yes"),
    [("curl x", True), ("/usr/bin/curl x", True), ("curl.exe x", True), ("ws://h/", False), ("", False)],
)
def test_what_is_a_command(text: str, yes: bool) -> None:
    assert is_command(text) is yes


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
@example("$'")
@example('^"')
def test_any_header_survives_the_quoting(value: str) -> None:
    made = pasted(f"curl wss://h/ -H {shlex.quote(f'X: {value}')}")
    assert made == Pasted({"url": "wss://h/", "header": [f"X: {value.strip()}"]}, [])
