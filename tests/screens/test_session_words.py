import pytest

from tui.options.errors import BadOption
from tui.screens.session_words import session_table


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
