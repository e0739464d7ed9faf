"""Where an option comes from: flag > environment > profile > config > default (design §3).

Every option is a field of ``SessionSpec`` or of ``ProgramOptions``; its long name is the field's, with ``-`` for ``_``.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_origin

import msgspec
import platformdirs

from tui.facts.commands import SESSION_NAME
from tui.options.errors import BadOption
from tui.options.layer import Layer
from tui.options.profile import NOTHING, Profile
from tui.options.program import ProgramOptions, check_program
from tui.options.spec import SessionSpec, check
from tui.options.targets import letters, split_name
from tui.options.values import convert, fields, plain

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})
_NO_OPTIONS = frozenset({"url", "name"})
"""Fields of a session that belong to its target."""


def flag(name: str) -> str:
    """An option as it is written on the command line."""
    return "-n" if name == "n" else f"--{name}"


def variable(name: str) -> str:
    """An option as it is called in the environment."""
    return "WHOOPS_" + name.upper().replace("-", "_")


def config_path(environ: Mapping[str, str]) -> Path:
    """The config file: ``WHOOPS_CONFIG``, or ``config.toml`` in the user's config directory."""
    named = environ.get("WHOOPS_CONFIG")
    return Path(named) if named else Path(platformdirs.user_config_dir("whoops")) / "config.toml"


def read_config(environ: Mapping[str, str]) -> Layer:
    """The config file's options; none where there is no file.

    Raises:
        BadOption: it cannot be read, is no TOML, or has a key that is no option.
    """
    path = config_path(environ)
    try:
        table = tomllib.loads(path.read_text())
    except FileNotFoundError:
        table = {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise BadOption("option.config", option="WHOOPS_CONFIG", given=str(path), error=why) from None
    known = {*fields(SessionSpec), *fields(ProgramOptions)} - _NO_OPTIONS
    for key in table:
        if key not in known:
            raise BadOption("option.unknown_key", option=str(path), given=key)
    return Layer(lambda name: f"{path}: {name}", table)


def from_environment(environ: Mapping[str, str]) -> Layer:
    """``WHOOPS_<OPTION>`` variables; a list option has one value a line.

    Raises:
        BadOption: a value that is neither yes nor no where one of them is wanted.
    """
    table: dict[str, Any] = {}
    for kind in (SessionSpec, ProgramOptions):
        for name, field in fields(kind).items():
            text = environ.get(variable(name))
            if name in _NO_OPTIONS or text is None:
                continue
            if get_origin(field.type) is list:
                table[name] = text.splitlines()
            elif plain(field.type) is bool:
                if text.lower() not in _TRUE | _FALSE:
                    raise BadOption("option.boolean", option=variable(name), given=text)
                table[name] = text.lower() in _TRUE
            else:
                table[name] = text
    return Layer(variable, table)


def program_options(layers: Sequence[Layer]) -> ProgramOptions:
    """The run's options from layers, the strongest first.

    Raises:
        BadOption: a value that cannot be used.
    """
    merged = _Merged(layers, ProgramOptions)
    options = convert(merged.table, ProgramOptions, merged.called, words=True)
    with merged.naming():
        check_program(options)
    return options


def session_specs(
    targets: Iterable[str],
    options: ProgramOptions,
    layers: Sequence[Layer],
    profile: Profile = NOTHING,
    weaker: Sequence[Layer] = (),
) -> list[tuple[SessionSpec, float]]:
    """A spec and a delay in seconds for every session the targets and the profile ask for, the targets first.

    Args:
        layers: what is stronger than a profile.
        weaker: what is not.

    Raises:
        BadOption: a target or an option that cannot be used, or two sessions of one name.
    """
    wanted = [
        *((*split_name(target), _Merged([*layers, profile.defaults, *weaker], SessionSpec)) for target in targets),
        *(_profiled(one, _Merged([*layers, one, profile.defaults, *weaker], SessionSpec)) for one in profile.sessions),
    ]
    taken = {one for name, _, _ in wanted if name is not None for one in _times(name, options.n)}
    free = (letter for letter in letters() if taken.isdisjoint(_times(letter, options.n)))
    specs: list[tuple[SessionSpec, float]] = []
    for given, url, merged in wanted:
        spec = convert({**merged.table, "url": url}, SessionSpec, merged.called, words=True)
        with merged.naming():
            check(spec)
        for name in _times(given or next(free), options.n):
            specs.append((msgspec.structs.replace(spec, name=name), len(specs) * options.stagger))
    for name, count in Counter(spec.name for spec, _ in specs).items():
        if count > 1:
            raise BadOption("option.duplicate_name", option="TARGET", given=name)
    return specs


def standing(layers: Sequence[Layer], profile: Profile = NOTHING, weaker: Sequence[Layer] = ()) -> dict[str, Any]:
    """The options every session has, as a session table: what one that is opened later has where its own table is
    silent.

    Args:
        layers: what is stronger than a profile.
        weaker: what is not.

    Raises:
        BadOption: a value of the wrong kind.
    """
    merged = _Merged([*layers, profile.defaults, *weaker], SessionSpec)
    spec = convert({**merged.table, "url": ""}, SessionSpec, merged.called, words=True)
    return {name: value for name, value in msgspec.to_builtins(spec).items() if name in merged.table.keys() - {"url"}}


def _profiled(session: Layer, merged: "_Merged") -> tuple[str | None, Any, "_Merged"]:
    """The name and the URL a profile's session has."""
    name = session.table.get("name")
    if name is not None and not (isinstance(name, str) and SESSION_NAME.fullmatch(name)):
        raise BadOption("option.bad_name", option=session.called("name"), given=name)
    return name, session.table["url"], merged


def _times(name: str, times: int) -> list[str]:
    """The names of one target's sessions."""
    return [name] if times == 1 else [f"{name}{time + 1}" for time in range(times)]


class _Merged:
    """The options of one struct from several layers, and what each is called where it came from."""

    def __init__(self, layers: Sequence[Layer], kind: type[msgspec.Struct]) -> None:
        self.table: dict[str, Any] = {}
        self._called: dict[str, str] = {}
        for layer in layers:
            for name in fields(kind).keys() & layer.table.keys() - self.table.keys() - {"name"}:
                self.table[name] = layer.table[name]
                self._called[name] = layer.called(name)

    def called(self, name: str) -> str:
        """What an option is called where its value came from."""
        return self._called.get(name, flag(name))

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Has an option that is refused meanwhile, as a flag, be named where it came from."""
        try:
            yield
        except BadOption as error:
            called = (at for name, at in self._called.items() if flag(name) == error.option)
            raise error.named(next(called, self._target(error.option))) from None

    def _target(self, option: str) -> str:
        """A target that stands in a profile is called as it is there."""
        return self._called.get("url", option) if option == "TARGET" else option
