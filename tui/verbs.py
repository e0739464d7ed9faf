"""What each verb of the command line does. Nothing here knows a protocol, and only what opens a screen imports one."""

import asyncio
import math
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from tui import __version__
from tui.cli_options import HEADLESS, SCREEN, SESSION, given, options
from tui.knowledge.catalogue import Language, phrase
from tui.options.errors import BadOption
from tui.options.layer import Layer
from tui.options.layers import from_environment, program_options, read_config, session_specs, standing
from tui.options.profile import NOTHING, read_profile
from tui.options.program import ProgramOptions
from tui.options.spec import SessionSpec

EXAMPLE = "stomp+ws://localhost:15674/ws"

SHORTEST = 0.05
"""Seconds of the shortest interval an experiment takes."""


class Verb(NamedTuple):
    """One verb: its words, and what runs it with the language and what was given; the result is the exit status."""

    name: str
    about: str
    """The catalogue key of its help."""
    run: Callable[..., int]
    options: tuple[str, ...]
    arguments: tuple[Callable[[Language], Callable[[Any], Any]], ...] = ()
    hidden: bool = False


def build(lang: Language) -> click.Group:
    """The command line, its help in ``lang``."""

    def whoops() -> None:
        """The group itself does nothing."""

    settings = {"help_option_names": ["-h", "--help"]}
    group = click.group("whoops", help=phrase("cli.about", lang), context_settings=settings)(whoops)
    group = click.version_option(__version__, prog_name="whoops")(group)
    for verb in VERBS:
        group.add_command(_command(verb, lang))
    return group


def _command(verb: Verb, lang: Language) -> click.Command:
    def run(**said: Any) -> int:
        return verb.run(lang, **said)

    decorated = options(verb.options, lang)(run)
    for argument in reversed(verb.arguments):
        decorated = argument(lang)(decorated)
    return click.command(verb.name, help=phrase(verb.about, lang), hidden=verb.hidden)(decorated)


def _layers(flags: dict[str, Any]) -> list[Layer]:
    return [given(flags), from_environment(os.environ), read_config(os.environ)]


class _Wanted(NamedTuple):
    """What the command line asks for."""

    program: ProgramOptions
    sessions: list[tuple[SessionSpec, float]]
    """Each with its delay, s."""
    standing: dict[str, Any]
    """The options of sessions that are opened later."""


def _specs(targets: Sequence[str], flags: dict[str, Any], *, wanted: bool) -> _Wanted:
    *stronger, config = _layers(flags)
    program = program_options([*stronger, config])
    profile = read_profile(program.profile, os.environ) if program.profile is not None else NOTHING
    if wanted and not (targets or profile.sessions or program.stdin):
        raise BadOption("option.no_target", option="TARGET", given="", example=EXAMPLE)
    sessions = session_specs(targets, program, stronger, profile, [config])
    return _Wanted(program, sessions, standing(stronger, profile, [config]))


def _inspect(lang: Language, /, target: tuple[str, ...], **flags: Any) -> int:
    from tui.inspector import inspect

    asked = _specs(target, flags, wanted=False)
    return inspect(asked.program, lang, sessions=asked.sessions)


def _watch(lang: Language, /, target: tuple[str, ...], **flags: Any) -> int:
    from tui.watch.watch import Watch

    asked = _specs(target, flags, wanted=True)

    async def run() -> int:
        return await Watch(asked.program, lang, asked.standing).run(asked.sessions)

    return asyncio.run(run())


def _experiment(
    lang: Language, /, kind: str | None, target: tuple[str, ...], every: str | None, at_most: str | None, **flags: Any
) -> int:
    from tui.experiments.idle import AT_MOST, Idle
    from tui.experiments.run import Run

    if kind != "idle":
        raise BadOption("experiment.unknown", option="EXPERIMENT", given=kind or "", names="idle")
    program, sessions, _ = _specs(target, flags, wanted=True)
    if len(sessions) != 1:
        raise BadOption("experiment.one_target", option="TARGET", given=len(sessions))
    spec = sessions[0][0]
    longest = AT_MOST if at_most is None else _seconds("--at-most", at_most)
    plan = Idle(spec, every=None if every is None else _seconds("--every", every), at_most=longest)

    async def run() -> int:
        return await Run(plan, program, lang).run(spec)

    return asyncio.run(run())


def _seconds(option: str, given: str) -> float:
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not SHORTEST <= seconds < math.inf:
        raise BadOption("option.seconds", option=option, given=given)
    return seconds


def _open(lang: Language, /, file: tuple[str, ...], **flags: Any) -> int:
    from tui.inspector import inspect

    for path in file:
        _readable(path)
    return inspect(program_options(_layers(flags)), lang, files=file)


def _readable(path: str) -> None:
    if path == "-":
        return
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise BadOption("cli.file_missing", option="FILE", given=path, error=error.strerror or str(error)) from None


def _demo(lang: Language, /, story: str | None, listing: bool, **flags: Any) -> int:
    from tui.lab import stories

    if listing:
        for one in stories.STORIES.values():
            click.echo(f"{one.id:<16} {phrase(one.title, lang)}")
        return 0
    from tui.inspector import inspect

    told = stories.find(story or stories.DEFAULT)
    return inspect(program_options(_layers(flags)), lang, story=told.id)


def _lab(lang: Language, /, story: str | None, port: int, **flags: Any) -> int:
    from tui.lab.serve import serve

    return asyncio.run(serve(story, port, bool(flags.get("json")), lang))


def _explain(lang: Language, /, subject: tuple[str, ...], **flags: Any) -> int:
    from tui.view.explain import explain_data, explain_lines

    wanted = " ".join(subject) or None
    if flags.get("json"):
        click.echo(msgspec.json.encode(explain_data(wanted, lang)).decode())
    else:
        click.echo("\n".join(explain_lines(wanted, lang, min(shutil.get_terminal_size().columns, 100))))
    return 0


def _where(lang: Language, /, **flags: Any) -> int:
    from tui.options.places import places
    from tui.view.where import where_data, where_lines

    ours = places(os.environ)
    if flags.get("json"):
        click.echo(msgspec.json.encode(where_data(ours)).decode())
    else:
        click.echo("\n".join(where_lines(ours, lang)))
    return 0


def _targets(_: Language) -> Callable[[Any], Any]:
    return click.argument("target", nargs=-1)


def _files(_: Language) -> Callable[[Any], Any]:
    return click.argument("file", nargs=-1, required=True)


def _subject(_: Language) -> Callable[[Any], Any]:
    return click.argument("subject", nargs=-1)


def _story(_: Language) -> Callable[[Any], Any]:
    return click.argument("story", required=False)


def _listing(lang: Language) -> Callable[[Any], Any]:
    return click.option("--list", "listing", is_flag=True, help=phrase("cli.list", lang))


def _port(lang: Language) -> Callable[[Any], Any]:
    return click.option("--port", type=click.IntRange(0, 65535), default=0, help=phrase("option.help_port", lang))


def _kind(_: Language) -> Callable[[Any], Any]:
    return click.argument("kind", required=False)


def _every(lang: Language) -> Callable[[Any], Any]:
    return click.option("--every", metavar="S", help=phrase("experiment.help_every", lang))


def _at_most(lang: Language) -> Callable[[Any], Any]:
    return click.option("--at-most", metavar="S", help=phrase("experiment.help_at_most", lang))


_TWINS_OWN = {"heart-beat", "do", "subscribe", "ping-interval", "ping-timeout", "reconnect", "postmortem"}
"""Session options that each twin of an experiment has its own of."""

_LIVE = (*SESSION, "profile", "n", "stagger", "record", "redact", "no-redact", "lang", *SCREEN)

VERBS = (
    Verb("inspect", "cli.about", _inspect, _LIVE, (_targets,), hidden=True),
    Verb("watch", "cli.about_watch", _watch, (*SESSION, *HEADLESS, "lang", "glyphs"), (_targets,)),
    Verb("open", "cli.about_open", _open, ("lang", *SCREEN), (_files,)),
    Verb("demo", "cli.about_demo", _demo, ("record", "lang", *SCREEN), (_story, _listing)),
    Verb("lab", "cli.about_lab", _lab, ("json", "lang"), (_story, _port)),
    Verb(
        "experiment",
        "experiment.about",
        _experiment,
        (*(name for name in SESSION if name not in _TWINS_OWN), "redact", "no-redact", "json", "lang"),
        (_kind, _targets, _every, _at_most),
    ),
    Verb("explain", "cli.about_explain", _explain, ("json", "lang"), (_subject,)),
    Verb("where", "cli.about_where", _where, ("json", "lang")),
)
"""Every verb. ``inspect`` is what a target without a verb means."""
