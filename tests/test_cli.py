"""The command line as a person meets it: what is refused, in which language, and that nothing is opened then."""

import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tui import __version__
from tui.cli import language, main, with_verb
from tui.facts.commands import VERBS


class Said(NamedTuple):
    """How one run ended."""

    status: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``whoops ARGS`` in this process, with the environment given."""

    def run(*args: str, **environ: str) -> Said:
        monkeypatch.setenv("WHOOPS_CONFIG", "/nonexistent/whoops.toml")
        for name in ("LANG", "LC_ALL", "LC_MESSAGES"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["whoops", *args])
        with pytest.raises(SystemExit) as caught:
            main()
        assert isinstance(caught.value.code, int)
        return Said(caught.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A listening socket that must see no connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


REFUSED = {
    "scheme": (["ftp://{at}/"], "TARGET", "ftp://{at}/", "ws:"),
    "port": (["ws://127.0.0.1:99999/"], "TARGET", "99999", "65535"),
    "host": (["ws:///path"], "TARGET", "ws:///path", "HOST"),
    "fragment": (["{url}#top"], "TARGET", "{url}#top", "RFC 6455"),
    "control": (["{url}\x1b[2J"], "TARGET", r"{url}\x1b[2J", "%20"),
    "newline": (["{url}\nX"], "TARGET", r"{url}\nX", "%20"),
    "header": (["{url}", "-H", "nothing"], "--header", "nothing", "Name: value"),
    "connect-header": (["{url}", "--connect-header", "nothing"], "--connect-header", "nothing", "Name: value"),
    "heart-beat": (["{url}", "--heart-beat", "1000"], "--heart-beat", "1000", "25000,25000"),
    "heart-beat-equals": (["{url}", "--heart-beat=a,b"], "--heart-beat", "a,b", "25000,25000"),
    "cacert": (["{url}", "--cacert", "/nonexistent"], "--cacert", "/nonexistent", "No such file"),
    "key": (["{url}", "--key", "/nonexistent"], "--key", "/nonexistent", "--cert FILE"),
    "user": (["{url}", "-u", "me"], "--user", "", "user:password"),
    "subprotocol": (["{url}", "--subprotocol", "a b"], "--subprotocol", "a b", "v12.stomp"),
    "stomp-version": (["{url}", "--stomp-version", "2"], "--stomp-version", "2", "1.0, 1.1, 1.2"),
    "open-timeout": (["{url}", "--open-timeout", "soon"], "--open-timeout", "soon", "2.5"),
    "close-timeout": (["{url}", "--close-timeout", "0"], "--close-timeout", "0", ""),
    "max-size": (["{url}", "--max-size", "big"], "--max-size", "big", "3"),
    "negative": (["{url}", "--max-size", "-1"], "--max-size", "-1", "0"),
    "times": (["{url}", "-n", "x"], "-n", "x", "3"),
    "lang": (["{url}", "--lang", "fr"], "--lang", "fr", "en, zh"),
    "do": (["{url}", "--do", "close 1000"], "--do", "close 1000", "5 close 1000"),
    "do-verb": (["{url}", "--do", "1 jump"], "--do", "1 jump", "hold-beats"),
    "redact": (["{url}", "--redact", "(("], "--redact", "((", ""),
    "record": (["{url}", "--record", "/nonexistent/file"], "--record", "/nonexistent/file", "No such file"),
    "duplicate": (["a={url}", "a={url}"], "TARGET", "a", ""),
    "name": (["1={url}"], "TARGET", "1", ""),
    "connect-to": (["{url}", "--connect-to", "host"], "--connect-to", "host", "HOST:PORT"),
    "passcode-env": (["{url}", "--passcode-env", "SURELY_UNSET"], "--passcode-env", "SURELY_UNSET", ""),
    "unknown": (["{url}", "--heartbeat", "1,1"], "--heartbeat", "", "--heart-beat"),
    "unknown-far": (["{url}", "--zzzz"], "--zzzz", "", "--help"),
    "no-value": (["{url}", "--heart-beat"], "--heart-beat", "", ""),
    "value-of-a-switch": (["{url}", "--stomp=1"], "--stomp", "", ""),
    "no-target": ([], "TARGET", "", "stomp+ws://"),
    "verb": (["wtch"], "", "wtch", "watch"),
}  # fmt: skip
"""Words, the option that must be named, what was given, and (part of) what would be right."""


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line(name: str, lang: str, run: Run, server: socket.socket) -> None:
    at = f"127.0.0.1:{server.getsockname()[1]}"
    filled = {"at": at, "url": f"ws://{at}/"}
    words, *wanted = REFUSED[name]
    verb = [] if name == "verb" else ["watch"]
    extra = [] if name in ("lang", "no-value") else ["--lang", lang]
    said = run(*verb, *(word.format(**filled) for word in words), *extra, WHOOPS_LANG=lang)

    assert (said.status, said.out) == (2, "")
    line, end = said.err[:-1], said.err[-1]
    assert line.startswith("whoops") and end == "\n" and line.isprintable()
    for part in wanted:
        assert part.format(**filled) in line
    if name != "lang":
        assert (lang == "zh") == any("\u4e00" <= char <= "\u9fff" for char in line)


@pytest.mark.parametrize(
    ("environ", "option"),
    [
        ({"WHOOPS_HEART_BEAT": "1"}, "WHOOPS_HEART_BEAT"),
        ({"WHOOPS_STOMP": "perhaps"}, "WHOOPS_STOMP"),
        ({"WHOOPS_OPEN_TIMEOUT": "x"}, "WHOOPS_OPEN_TIMEOUT"),
    ],
)
def test_a_wrong_variable_is_named(environ: dict[str, str], option: str, run: Run, server: socket.socket) -> None:
    said = run("watch", f"ws://127.0.0.1:{server.getsockname()[1]}/", **environ)
    assert said.status == 2 and said.err.startswith(f"whoops: {option}") and said.err.count("\n") == 1


def test_a_wrong_config_is_named(run: Run, server: socket.socket, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("hart-beat = '1,1'\n")
    said = run("watch", f"ws://127.0.0.1:{server.getsockname()[1]}/", WHOOPS_CONFIG=str(config))
    assert said.status == 2 and str(config) in said.err and "hart-beat" in said.err


@pytest.mark.parametrize("word", ["ws://me:hunter2@127.0.0.1:0/", "ws://127.0.0.1:0/?access_token=hunter2"])
def test_a_refused_urls_secrets_are_not_printed(word: str, run: Run) -> None:
    assert "hunter2" not in run("watch", word).err


@pytest.mark.parametrize(
    ("words", "environ", "lang"),
    [
        (["watch", "--lang", "zh"], {"LANG": "en_US.UTF-8"}, "zh"),
        (["watch", "--lang=zh"], {}, "zh"),
        ([], {"WHOOPS_LANG": "zh", "LC_ALL": "en_US.UTF-8"}, "zh"),
        ([], {"LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ([], {"LANG": "zh_TW.UTF-8"}, "zh"),
        ([], {"LANG": "de_DE.UTF-8"}, "en"),
        ([], {"LANG": ""}, "en"),
        ([], {}, "en"),
    ],
)
def test_the_language(words: list[str], environ: dict[str, str], lang: str) -> None:
    assert language(words, environ) == lang


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["watch", "ws://h/"], ["watch", "ws://h/"]),
        (["--lang", "zh", "watch", "ws://h/"], ["watch", "--lang", "zh", "ws://h/"]),
        (["-n", "2", "ws://h/"], ["inspect", "-n", "2", "ws://h/"]),
        (["-H", "A: b", "watch"], ["watch", "-H", "A: b"]),
        (["--stomp", "ws://h/"], ["inspect", "--stomp", "ws://h/"]),
        (["a=ws://h/", "watch"], ["inspect", "a=ws://h/", "watch"]),
        ([], ["inspect"]),
        (["--help"], ["--help"]),
    ],
)
def test_the_first_word_is_a_target_or_a_verb(words: list[str], found: list[str]) -> None:
    assert with_verb(words, ["watch", "open"], "en") == found


def test_help_and_version(run: Run) -> None:
    english, chinese = run("watch", "--help"), run("watch", "--help", "--lang", "zh")
    assert english.status == chinese.status == 0
    for said in (english, chinese):
        assert "--heart-beat CX,CY" in said.out and "--lang en|zh" in said.out
    assert "心跳" in chinese.out and "心跳" not in english.out
    assert __version__ in run("--version").out


def test_every_verb_of_a_session_can_be_scheduled(run: Run) -> None:
    """A typo in the table of verbs would show as an unknown one."""
    said = run("watch", "ws://127.0.0.1:1/", "--do", "1 nothing-of-the-kind")
    assert all(verb in said.err for verb in VERBS)


def test_where_says_the_places_and_makes_none(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    plain, chinese = run("where"), run("where", "--lang", "zh")
    assert plain.status == chinese.status == 0
    assert "/nonexistent/whoops.toml (not there yet)" in plain.out and "recordings" in plain.out
    assert "录制" in chinese.out and plain.out.count("\n") == chinese.out.count("\n")
    data = json.loads(run("where", "--json").out)
    assert set(data) == {"config", "themes", "recordings", "recent", "log"}
    assert data["config"] == {"path": "/nonexistent/whoops.toml", "exists": False}
    assert list(tmp_path.iterdir()) == []
