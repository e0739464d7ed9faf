import pytest

from tui.facts.redaction import Redactor
from tui.options.errors import BadOption
from tui.screens.session_words import session_line, session_table


def test_a_url_alone_gets_the_next_letter() -> None:
    assert session_table("ws://localhost/", ["A", "B"]) == {"name": "C", "url": "ws://localhost/"}


def test_a_name_and_options_of_every_kind() -> None:
    table = session_table("bob=stomp+ws://h/ --heart-beat 2000,2000 -k -H 'A: b' -H 'C: d' --subscribe=/topic/x", [])
    assert table == {
        "name": "bob", "url": "stomp+ws://h/", "heart-beat": "2000,2000", "insecure": True, "header": ["A: b", "C: d"],
        "subscribe": ["/topic/x"],
    }  # fmt: skip


def test_numbers_are_numbers() -> None:
    assert session_table("ws://h/ --open-timeout 3", [])["open-timeout"] == 3.0


def test_a_session_is_written_as_it_would_be_typed() -> None:
    text = "stomp+ws://h/a --header 'A: b c' --header 'D: e' --insecure --heart-beat 2000,2000 --do '1 hold-beats'"
    assert session_line(session_table(f"bob={text}", []), Redactor()) == text


def test_secrets_are_written_as_what_must_be_typed_again() -> None:
    words = "ws://me:hunter2@h/?token=hunter2&a=1 --user me:hunter2 --passcode hunter2 --cookie a=hunter2 "
    words += "--header 'Authorization: Bearer hunter2' --login me --connect-header 'passcode: hunter2'"
    line = session_line(session_table(words, []), Redactor())
    assert "hunter2" not in line and line.startswith("'ws://***@h/?token=***&a=1' --header 'Authorization: ***'")
    with pytest.raises(BadOption) as caught:
        session_table(line, [])
    assert caught.value.key == "screen.add_masked"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "screen.add_no_url"),
        ("localhost", "screen.add_no_url"),
        ("ws://a/ ws://b/", "screen.add_no_url"),
        ("gopher://a/", "option.url_scheme"),
        ("ws://a/ --colour red", "screen.add_unknown_option"),
        ("ws://a/ --url ws://b/", "screen.add_unknown_option"),
        ("ws://a/ --header", "screen.add_no_value"),
        ("ws://a/ --heart-beat soon", "option.heart_beat"),
        ("ws://a/ --header 'unclosed", "screen.add_unreadable"),
        ("A=ws://a/", "option.duplicate_name"),
    ],
)
def test_what_cannot_be_opened_is_said(text: str, key: str) -> None:
    with pytest.raises(BadOption) as caught:
        session_table(text, ["A"])
    assert caught.value.key == key
