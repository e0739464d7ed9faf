"""Targets: names in front, URLs taken apart, letters for those without a name."""

from itertools import islice

import pytest

from tui.options.errors import BadOption
from tui.options.targets import endpoint, is_target, letters, split_name


@pytest.mark.parametrize(
    ("url", "transport", "tls", "stomp", "host", "port", "resource"),
    [
        ("ws://h", "ws", False, False, "h", 80, "/"),
        ("wss://h/a?b=c&d", "ws", True, False, "h", 443, "/a?b=c&d"),
        ("stomp+ws://h:15674/ws", "ws", False, True, "h", 15674, "/ws"),
        ("stomp+wss://h", "ws", True, True, "h", 443, "/"),
        ("WS://H.Example/", "ws", False, False, "h.example", 80, "/"),
        ("ws://[::1]:9/", "ws", False, False, "::1", 9, "/"),
        ("ws://h?q", "ws", False, False, "h", 80, "/?q"),
        ("ws://h/你/%20?q=é", "ws", False, False, "h", 80, "/%E4%BD%A0/%20?q=%C3%A9"),
        ("ws://bücher.example/", "ws", False, False, "bücher.example", 80, "/"),
    ],
)
def test_an_url_taken_apart(
    url: str, transport: str, tls: bool, stomp: bool, host: str, port: int, resource: str
) -> None:
    parts = endpoint(url)
    assert (parts.scheme.transport, parts.scheme.tls, parts.scheme.stomp) == (transport, tls, stomp)
    assert (parts.host, parts.port, parts.resource) == (host, port, resource)


def test_userinfo() -> None:
    assert endpoint("ws://me:pass@h/")[4:] == ("me", "pass")
    assert endpoint("ws://h/")[4:] == (None, None)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("ftp://h/", "option.url_scheme"),
        ("://h/", "option.url_scheme"),
        ("ws://", "option.url_host"),
        ("ws:///path", "option.url_host"),
        ("ws://:80/", "option.url_host"),
        ("ws://a..b/", "option.url_host"),
        (f"ws://{'a' * 64}.example/", "option.url_host"),
        ("ws://[::1/", "option.url_unreadable"),
        ("ws://h:port/", "option.url_port"),
        ("ws://h:0/", "option.url_port"),
        ("ws://h:65536/", "option.url_port"),
        ("ws://h:-1/", "option.url_port"),
        ("ws://h/#top", "option.url_fragment"),
        ("ws://h/#", "option.url_fragment"),
        ("ws://h/a b", "option.url_control"),
        ("ws://h/\r\nX: y", "option.url_control"),
        ("ws://h/\x1b[2J", "option.url_control"),
        ("ws://h/\x9b2J", "option.url_control"),
        ("ws://h/\udcff", "option.url_control"),
    ],
)
def test_a_bad_url_is_named_with_what_was_given(url: str, key: str) -> None:
    with pytest.raises(BadOption) as caught:
        endpoint(url)
    assert (caught.value.key, caught.value.option, caught.value.args_["given"]) == (key, "TARGET", url)


@pytest.mark.parametrize("url", ["ws://me:hunter2@h:0/", "ws://h:0/?token=hunter2", "ftps://me:hunter2@h/"])
def test_a_bad_urls_secrets_are_not_said_back(url: str) -> None:
    with pytest.raises(BadOption) as caught:
        endpoint(url)
    assert "hunter2" not in str(caught.value.args_) + str(caught.value)


@pytest.mark.parametrize(
    ("word", "name", "url"),
    [
        ("ws://h/?a=ws://b", None, "ws://h/?a=ws://b"),
        ("bob=ws://h/", "bob", "ws://h/"),
        ("a.b-c_1=ws://h/?x=y", "a.b-c_1", "ws://h/?x=y"),
    ],
)
def test_a_name_in_front(word: str, name: str | None, url: str) -> None:
    assert is_target(word)
    assert split_name(word) == (name, url)


@pytest.mark.parametrize("word", ["=ws://h/", "1st=ws://h/", "a b=ws://h/", "é=ws://h/", "me@host=ws://h/"])
def test_no_session_name(word: str) -> None:
    with pytest.raises(BadOption) as caught:
        split_name(word)
    assert caught.value.key == "option.bad_name"


def test_letters_skip_names_that_are_taken() -> None:
    assert list(islice(letters({"A", "C"}), 3)) == ["B", "D", "E"]
    assert list(islice(letters(), 25, 28)) == ["Z", "A2", "B2"]
