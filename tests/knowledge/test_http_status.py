"""The catalogue of HTTP statuses: whole, ordered, in two languages, and its clues found."""

import re

import pytest

from tui.knowledge.banners import protocol
from tui.knowledge.http_status import clues, status, table


def test_the_table_is_in_order_and_whole() -> None:
    numbers = [one.status for one in table()]
    assert numbers == sorted(set(numbers))
    assert {101, 200, 301, 302, 400, 401, 403, 404, 405, 407, 408, 413, 421, 426, 429, 431, 500, 502, 503, 504} <= {
        *numbers
    }
    assert set(range(520, 527)) <= {*numbers}


def test_every_text_has_two_languages() -> None:
    for one in table():
        for text in (one.meaning, *one.causes, *(clue.text for clue in one.clues)):
            assert text.en.strip() and re.search("[\u4e00-\u9fff]", text.zh), one.status
        for clue in one.clues:
            assert (clue.header is None) != (clue.holds is None)
            said = clue.header or clue.holds or ""
            assert said == said.lower(), "a clue is looked for in lower case"


@pytest.mark.parametrize(("number", "known"), [(99, False), (100, True), (418, True), (599, True), (600, False)])
def test_every_status_says_something(number: int, known: bool) -> None:
    found = status(number)
    assert (found is not None) is known
    assert found is None or (found.status == number and found.meaning.en)


def test_clues_speak_where_they_are_seen() -> None:
    nginx = "<title>400 The plain HTTP request was sent to HTTPS port</title>"
    assert "wss:" in clues(400, [], nginx)[0].en and not clues(400, [], "")
    assert clues(426, [("Sec-WebSocket-Version", "8")], "") and not clues(426, [("Server", "x")], "")
    assert not clues(99, [], "")


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("\x15\x03\x03\x00\x02\x02F", "TLS"),
        ("SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
        ("AMQP\x00\x00\x09\x01", "AMQP"),
        ("220 mail.example ESMTP\r\n", "SMTP / FTP"),
        ("HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        ("J\x00\x00\x00\x0a8.0.36", "MySQL"),
        ("-ERR wrong number of arguments\r\n", "Redis"),
        ("hello", None),
        ("", None),
    ],
)
def test_what_bytes_are_of(raw: str, name: str | None) -> None:
    assert protocol(raw) == name
