"""Which proxy: the option's, or the environment's by curl's rules."""

import pytest

from tui.options.errors import BadOption
from tui.options.proxies import exempt, masked, proxy_for, read_proxy
from tui.options.targets import endpoint


@pytest.mark.parametrize(
    ("text", "kind", "host", "port", "user", "password"),
    [
        ("http://p.example:3128", "http", "p.example", 3128, None, ""),
        ("p.example", "http", "p.example", 1080, None, ""),
        ("socks5://ann:a%40b@[::1]:9/", "socks5", "::1", 9, "ann", "a@b"),
        ("socks5h://ann@p", "socks5h", "p", 1080, "ann", ""),
    ],
)
def test_the_url_of_a_proxy(text: str, kind: str, host: str, port: int, user: str | None, password: str) -> None:
    proxy = read_proxy("--proxy", text)
    assert proxy[:5] == (kind, host, port, user, password)
    assert "ann" not in proxy.shown


@pytest.mark.parametrize("text", ["", "ftp://p", "https://p", "http://", "http://p:0", "http://p:x", "http://p/path"])
def test_what_is_no_proxy(text: str) -> None:
    with pytest.raises(BadOption) as caught:
        read_proxy("--proxy", text)
    assert "\n" not in caught.value.said("en") and "socks5h://" in caught.value.said("zh")


@pytest.mark.parametrize("text", ["http://ann:s@p:x", "ann:s@p:x", "ftp://ann:s@p"])
def test_a_login_is_not_said_back(text: str) -> None:
    with pytest.raises(BadOption) as caught:
        read_proxy("--proxy", text)
    assert "ann" not in caught.value.said("en") and "***@p" in masked(text)


@pytest.mark.parametrize(
    ("url", "variable", "read"),
    [
        ("ws://h/", "http_proxy", True),
        ("ws://h/", "HTTP_PROXY", False),
        ("ws://h/", "https_proxy", False),
        ("stomp+wss://h/", "HTTPS_PROXY", True),
        ("wss://h/", "https_proxy", True),
        ("wss://h/", "http_proxy", False),
        ("stomp://h/", "ALL_PROXY", True),
        ("stomp://h/", "http_proxy", False),
        ("ws://h/", "all_proxy", True),
    ],
)
def test_the_environments_variables(url: str, variable: str, read: bool) -> None:
    ending, scheme = endpoint(url), url.partition("://")[0]
    proxy = proxy_for("env", scheme, ending, {variable: "http://p:1"})
    assert (proxy is not None) is read
    assert proxy_for(None, scheme, ending, {variable: "http://p:1"}) is None, "only with --proxy env"


def test_the_variable_is_named_where_it_is_wrong() -> None:
    with pytest.raises(BadOption) as caught:
        proxy_for("env", "ws", endpoint("ws://h/"), {"http_proxy": "gopher://p"})
    assert "http_proxy" in caught.value.said("en")


@pytest.mark.parametrize(
    ("host", "no_proxy", "kept"),
    [
        ("a.example", "*", True),
        ("a.example", "b.example, a.example", True),
        ("x.a.example", "a.example", True),
        ("x.a.example", ".a.example", True),
        ("xa.example", "a.example", False),
        ("A.EXAMPLE.", "a.example", True),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8,nonsense/99", False),
        ("::1", "[::1]", True),
        ("10.1.2.3", "2.3", False),
        ("a.example", "", False),
    ],
)
def test_no_proxy(host: str, no_proxy: str, kept: bool) -> None:
    assert exempt(host, no_proxy) is kept
