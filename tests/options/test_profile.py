"""sessions.toml: what it gives, what is stronger than it, and how what is wrong in it is named."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tui.options.errors import BadOption
from tui.options.layer import Layer
from tui.options.layers import flag, session_specs
from tui.options.profile import Profile, line_of, read_profile
from tui.options.program import ProgramOptions
from tui.options.spec import SessionSpec

GOOD = """
[defaults]
heart-beat = "2000,2000"
header = [
  "X-A: 1",
  "X-B: 2",
]

[[session]]
name = "alice"
url = "stomp+ws://h/ws"
passcode = "${PASS}-${PASS}"

[[session]]
url = "ws://h/echo"
heart-beat = "0,0"
do = ["1 hold-beats"]
insecure = true
"""


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Reads a profile's text."""

    def reading(text: str, environ: Mapping[str, str] | None = None) -> Profile:
        path = tmp_path / "sessions.toml"
        path.write_text(text)
        return read_profile(str(path), environ or {})

    return reading


def specs(profile: Profile, targets: tuple[str, ...] = (), *, n: int = 1, **flags: object) -> list[SessionSpec]:
    table = {name.replace("_", "-"): value for name, value in flags.items()}
    config = Layer(str, {"open-timeout": 7.0, "heart-beat": "9,9"})
    made = session_specs(targets, ProgramOptions(n=n), [Layer(flag, table)], profile, [config])
    return [spec for spec, _ in made]


def test_sessions_defaults_and_the_environment(read: Any) -> None:
    alice, other = specs(read(GOOD, {"PASS": "s3cret"}))
    assert (alice.name, alice.url, alice.heart_beat) == ("alice", "stomp+ws://h/ws", "2000,2000")
    assert alice.passcode == "s3cret-s3cret"
    assert (other.name, other.heart_beat, other.do, other.insecure) == ("A", "0,0", ["1 hold-beats"], True)
    assert alice.header == other.header == ["X-A: 1", "X-B: 2"]
    assert alice.open_timeout == 7.0


def test_a_flag_is_stronger_and_the_config_file_weaker(read: Any) -> None:
    alice, other = specs(read(GOOD, {"PASS": "x"}), heart_beat="5,5")
    assert (alice.heart_beat, other.heart_beat) == ("5,5", "5,5")


def test_targets_of_the_command_line_open_too_with_the_defaults(read: Any) -> None:
    bob, alice, other = specs(read(GOOD, {"PASS": "x"}), ("bob=ws://h/",))
    assert (bob.name, alice.name, other.name) == ("bob", "alice", "A")
    assert bob.heart_beat == "2000,2000"


def test_each_is_opened_so_often(read: Any) -> None:
    names = [spec.name for spec in specs(read(GOOD, {"PASS": "x"}), n=2)]
    assert names == ["alice1", "alice2", "A1", "A2"]


@pytest.mark.parametrize(
    ("text", "key", "where"),
    [
        ("[[session]]\nurl = 'ws://h'\nheart-beet = '1,1'\n", "option.unknown_key_near", "3: heart-beet"),
        ("# a\n[[session]]\nname = 'a'\n", "option.no_url", "2: [[session]]"),
        ("[[session]]\nurl = 'ws://h'\n\n[[session]]\nurl='ws://h'\nlogin='${NONE}'\n", "option.env_unset", "6: login"),
        ("[sessions]\nurl = 'ws://h'\n", "option.profile_table", "1"),
        ("session = 3\n", "option.profile_table", "1"),
        ("[defaults]\nurl = 'ws://h'\n", "option.unknown_key_near", "2: url"),
        ("[[session]\n", "option.profile", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(read: Any, tmp_path: Path, text: str, key: str, where: str) -> None:
    with pytest.raises(BadOption) as raised:
        read(text)
    assert raised.value.key == key
    assert raised.value.option == (f"{tmp_path / 'sessions.toml'}:{where}" if where else "--profile")


@pytest.mark.parametrize(
    ("line", "where"),
    [("max-size = 'much'", "3: max-size"), ("heart-beat = 'x'", "3: heart-beat"), ("name = '1'", "3: name")],
)
def test_a_value_that_cannot_be_used_is_named_too(read: Any, tmp_path: Path, line: str, where: str) -> None:
    profile = read(f"[[session]]\nurl = 'ws://h'\n{line}\n")
    with pytest.raises(BadOption) as raised:
        specs(profile)
    assert raised.value.option == f"{tmp_path / 'sessions.toml'}:{where}"


def test_a_url_that_is_none_is_named_in_the_file(read: Any) -> None:
    with pytest.raises(BadOption) as raised:
        specs(read("[[session]]\n\nurl = 'ftp://h'\n"))
    assert raised.value.option.endswith("sessions.toml:3: url")


def test_two_of_one_name(read: Any) -> None:
    with pytest.raises(BadOption) as raised:
        specs(read("[[session]]\nname='a'\nurl='ws://h'\n"), ("a=ws://h/",))
    assert raised.value.key == "option.duplicate_name"


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(BadOption) as raised:
        read_profile(str(tmp_path / "none.toml"), {})
    assert (raised.value.key, raised.value.option) == ("option.profile", "--profile")


def test_a_statement_of_several_lines_begins_on_its_first() -> None:
    text = 'a = 1\n\nb = [\n  "b = 2",\n]\nc = """\nd = 1\n"""\nd = 2\n'
    assert [line_of(text, lambda found: key in found) for key in "abcd"] == [1, 3, 6, 9]  # noqa: B023
