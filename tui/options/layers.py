"""Where an option comes from: flag > environment > config > default (design §3).

Every option is a field of ``SessionSpec`` or of ``ProgramOptions``; its long name is the field's, with ``-`` for ``_``.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_origin

import msgspec
import platformdirs

from tui.options.errors import BadOption
from tui.options.program import ProgramOptions, check_program
from tui.options.spec import SessionSpec, check
from tui.options.targets import letters, split_name

S = TypeVar("S", bound=msgspec.Struct)

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


def fields(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """The options of one struct by long name."""
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def config_path(environ: Mapping[str, str]) -> Path:
    """The config file: ``WHOOPS_CONFIG``, or ``config.toml`` in the user's config directory."""
    named = environ.get("WHOOPS_CONFIG")
    return Path(named) if named else Path(platformdirs.user_config_dir("whoops")) / "config.toml"


def read_config(environ: Mapping[str, str]) -> dict[str, Any]:
    """The config file's table; empty where there is no file.

    Raises:
        BadOption: it cannot be read, is no TOML, or has a key that is no option.
    """
    path = config_path(environ)
    try:
        table = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadOption("option.config", option="WHOOPS_CONFIG", given=str(path), error=str(error)) from None
    known = {*fields(SessionSpec), *fields(ProgramOptions)} - {"url", "name"}
    for key in table:
        if key not in known:
            raise BadOption("option.config_key", option=str(path), given=key)
    return table


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """``WHOOPS_<OPTION>`` variables as a table; a list option has one value a line.

    Raises:
        BadOption: a value of the wrong form.
    """
    table: dict[str, Any] = {}
    for kind in (SessionSpec, ProgramOptions):
        for name, field in fields(kind).items():
            variable = "WHOOPS_" + name.upper().replace("-", "_")
            if name in ("url", "name") or variable not in environ:
                continue
            text = environ[variable]
            if get_origin(field.type) is list:
                table[name] = text.splitlines()
            elif field.type is bool:
                if text.lower() not in _TRUE | _FALSE:
                    raise BadOption("option.boolean", option=variable, given=text)
                table[name] = text.lower() in _TRUE
            else:
                table[name] = text
    return table


def program_options(layers: Iterable[Mapping[str, Any]]) -> ProgramOptions:
    """The run's options from layers, the strongest first.

    Raises:
        BadOption: a value that cannot be used.
    """
    options = _convert(_merged(layers, fields(ProgramOptions)), ProgramOptions)
    check_program(options)
    return options


def session_specs(
    targets: Iterable[str], options: ProgramOptions, layers: Iterable[Mapping[str, Any]]
) -> list[tuple[SessionSpec, float]]:
    """A spec and a delay in seconds for every session the targets ask for.

    Raises:
        BadOption: a target or an option that cannot be used, or two sessions of one name.
    """
    merged = _merged(layers, fields(SessionSpec))
    named = [split_name(target) for target in targets]
    free = iter(letters(name for name, _ in named if name is not None))
    specs: list[tuple[SessionSpec, float]] = []
    for given, url in named:
        name = given or next(free)
        spec = _convert({**merged, "url": url}, SessionSpec)
        check(spec)
        for time in range(options.n):
            one = name if options.n == 1 else f"{name}{time + 1}"
            specs.append((msgspec.structs.replace(spec, name=one), len(specs) * options.stagger))
    names = [spec.name for spec, _ in specs]
    for name in names:
        if names.count(name) > 1:
            raise BadOption("option.duplicate_name", option="TARGET", given=name)
    return specs


def _merged(layers: Iterable[Mapping[str, Any]], known: Iterable[str]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    wanted = set(known)
    for layer in layers:
        for key, value in layer.items():
            if key in wanted:
                merged.setdefault(key, value)
    return merged


def _convert(table: dict[str, Any], kind: type[S]) -> S:
    try:
        return msgspec.convert(table, kind, strict=False)
    except msgspec.ValidationError as error:
        words, _, path = str(error).partition(" - at `$.")
        name = path.rstrip("`").split("[")[0]
        raise BadOption("option.value", option=f"--{name}", given=table.get(name), error=words) from None
