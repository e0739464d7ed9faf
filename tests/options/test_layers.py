"""Where an option comes from, which place wins, and who is named when it is wrong."""

from pathlib import Path
from typing import Any

import pytest

from tui.options.errors import BadOption
from tui.options.layer import Layer
from tui.options.layers import flag, from_environment, program_options, read_config, session_specs
from tui.options.program import ProgramOptions
from tui.options.spec import SessionSpec

URL = "ws://127.0.0.1:1/"


def layers(
    flags: dict[str, Any] | None = None, environ: dict[str, str] | None = None, config: Path | None = None
) -> list[Layer]:
    environ = environ or {}
    where = {**environ, "WHOOPS_CONFIG": str(config or "/nonexistent/whoops.toml")}
    return [Layer(flag, flags or {}), from_environment(environ), read_config(where)]


def spec(*args: Any, **kwargs: Any) -> SessionSpec:
    [(one, _)] = session_specs([URL], ProgramOptions(), layers(*args, **kwargs))
    return one


def names(targets: list[str], n: int = 1) -> list[str]:
    return [spec.name for spec, _ in session_specs(targets, ProgramOptions(n=n), [])]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text('heart-beat = "3,3"\nsubscribe = ["/config"]\nstomp = true\nn = 2\nopen-timeout = 7\n')
    return path


def test_the_default_where_nothing_is_said() -> None:
    assert spec().heart_beat == "25000,25000"
    assert program_options(layers()) == ProgramOptions()


def test_flag_over_environment_over_config_over_default(config: Path) -> None:
    environ = {"WHOOPS_HEART_BEAT": "2,2", "WHOOPS_N": "5"}
    assert spec(config=config).heart_beat == "3,3"
    assert spec(environ=environ, config=config).heart_beat == "2,2"
    assert spec({"heart-beat": "1,1"}, environ, config).heart_beat == "1,1"
    assert spec(config=config).open_timeout == 7.0
    assert program_options(layers(config=config)).n == 2
    assert program_options(layers(environ=environ, config=config)).n == 5
    assert program_options(layers({"n": "1"}, environ, config)).n == 1


def test_a_list_of_a_stronger_place_replaces_the_weaker_one(config: Path) -> None:
    assert spec(config=config).subscribe == ["/config"]
    assert spec(environ={"WHOOPS_SUBSCRIBE": "/a\n/b"}, config=config).subscribe == ["/a", "/b"]
    assert spec({"subscribe": ["/flag"]}, {"WHOOPS_SUBSCRIBE": "/a"}, config).subscribe == ["/flag"]


@pytest.mark.parametrize(
    ("text", "truth"), [("1", True), ("YES", True), ("on", True), ("0", False), ("No", False), ("", False)]
)
def test_truths_in_the_environment(text: str, truth: bool) -> None:
    assert spec(environ={"WHOOPS_STOMP": text}).stomp is truth


@pytest.mark.parametrize(
    ("flags", "environ", "config", "option", "key"),
    [
        ({"heart-beat": "x"}, {}, "", "--heart-beat", "option.heart_beat"),
        ({"open-timeout": "soon"}, {}, "", "--open-timeout", "option.number"),
        ({"max-size": "1.5"}, {}, "", "--max-size", "option.whole"),
        ({"n": "two"}, {}, "", "-n", "option.whole"),
        ({"n": "0"}, {}, "", "-n", "option.times"),
        ({"lang": "fr"}, {}, "", "--lang", "option.choice"),
        ({}, {"WHOOPS_HEART_BEAT": "x"}, "", "WHOOPS_HEART_BEAT", "option.heart_beat"),
        ({}, {"WHOOPS_OPEN_TIMEOUT": "soon"}, "", "WHOOPS_OPEN_TIMEOUT", "option.number"),
        ({}, {"WHOOPS_OPEN_TIMEOUT": "0"}, "", "WHOOPS_OPEN_TIMEOUT", "option.seconds"),
        ({}, {"WHOOPS_STOMP": "perhaps"}, "", "WHOOPS_STOMP", "option.boolean"),
        ({}, {"WHOOPS_DURATION": "-1"}, "", "WHOOPS_DURATION", "option.seconds"),
        ({}, {"WHOOPS_N": "0"}, "", "WHOOPS_N", "option.times"),
        ({}, {"WHOOPS_GLYPHS": "runes"}, "", "WHOOPS_GLYPHS", "option.choice"),
        ({}, {}, "heart-beat = 'x'", "{config}: heart-beat", "option.heart_beat"),
        ({}, {}, "heart-beat = 5", "{config}: heart-beat", "option.text"),
        ({}, {}, "subscribe = '/a'", "{config}: subscribe", "option.list"),
        ({}, {}, "stomp = 'perhaps'", "{config}: stomp", "option.boolean"),
        ({}, {}, "duration = 0", "{config}: duration", "option.seconds"),
        ({}, {}, "do = ['1 jump']", "{config}: do", "command.unknown_verb"),
        ({}, {}, "heartbeat = '1,1'", "{config}", "option.unknown_key"),
        ({}, {}, "url = 'ws://h/'", "{config}", "option.unknown_key"),
        ({}, {}, "[session]\na = 1", "{config}", "option.unknown_key"),
        ({}, {}, "no toml at all", "WHOOPS_CONFIG", "option.config"),
        ({}, {}, "a = '\udcff'", "WHOOPS_CONFIG", "option.config"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_where_it_was_said(
    flags: dict[str, Any], environ: dict[str, str], config: str, option: str, key: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(config.encode(errors="surrogateescape"))
    with pytest.raises(BadOption) as caught:
        found = layers(flags, environ, path)
        session_specs([URL], program_options(found), found)
    assert (caught.value.option, caught.value.key) == (option.format(config=path), key)
    assert "\n" not in caught.value.said("en")


def test_a_flag_hides_a_wrong_value_below_it() -> None:
    assert spec({"heart-beat": "1,1"}, {"WHOOPS_HEART_BEAT": "x"}).heart_beat == "1,1"


def test_a_config_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadOption) as caught:
        read_config({"WHOOPS_CONFIG": str(tmp_path)})
    assert caught.value.args_["given"] == str(tmp_path)


def test_the_config_file_has_a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_config({}).table == {}


# Names.


def test_names_given_and_not() -> None:
    assert names([URL, f"bob={URL}", URL]) == ["A", "bob", "B"]


def test_twice_each() -> None:
    assert names([f"x={URL}"], n=2) == ["x1", "x2"]
    assert names([URL, f"x={URL}"], n=2) == ["A1", "A2", "x1", "x2"]


def test_letters_skip_names_that_are_taken() -> None:
    assert names([URL, f"A={URL}", URL, f"C={URL}"]) == ["B", "A", "D", "C"]
    assert names([URL, f"A={URL}"], n=2) == ["B1", "B2", "A1", "A2"]


@pytest.mark.parametrize(("targets", "n"), [([f"a={URL}", f"a={URL}"], 1), ([f"a1={URL}", f"a={URL}"], 11)])
def test_a_duplicate_name(targets: list[str], n: int) -> None:
    with pytest.raises(BadOption) as caught:
        names(targets, n)
    assert caught.value.key == "option.duplicate_name"
    assert caught.value.args_["given"] in ("a", "a11")


def test_stagger() -> None:
    found = session_specs([URL, URL], ProgramOptions(n=2, stagger=1.5), [])
    assert [(spec.name, delay) for spec, delay in found] == [("A1", 0), ("A2", 1.5), ("B1", 3), ("B2", 4.5)]
