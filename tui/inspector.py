"""Starts the inspector: on a probe of its own, on recordings, on lines from stdin, or on a story of the lab.

``tui.cli`` calls it. What must be so before Textual is imported is done here, and what must end with the screen.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from tui.knowledge.catalogue import Language, phrase
from tui.lab import stories
from tui.lab.errors import LabError
from tui.options.errors import BadOption
from tui.options.program import ProgramOptions
from tui.options.spec import SessionSpec
from tui.screens.glyph_probe import fitting
from tui.screens.pace import pace
from tui.screens.source import Asked, FileSource, ProbeSource, Source, StdinSource

NO_TERMINAL = 2


def inspect(
    program: ProgramOptions,
    lang: Language,
    *,
    sessions: Sequence[tuple[SessionSpec, float]] = (),
    files: Sequence[str] = (),
    story: str | None = None,
) -> int:
    """Runs the inspector until it is quit; the exit status.

    Raises:
        BadOption: a recording that cannot be read or written.
    """
    if not sys.stderr.isatty() or not (sys.stdin.isatty() or "-" in files):
        click.echo(phrase("cli.not_a_terminal", lang), err=True)
        return NO_TERMINAL
    os.environ.update(pace(program.fps, os.environ).environment)
    from tui.app import run

    record = Path(program.record) if program.record else None
    with _lab(story) as urls:
        asked = [Asked(spec.table(), delay) for spec, delay in sessions]
        if story is not None:
            told = stories.find(story)
            asked += [Asked(table, at * told.stagger, fleeting=True) for at, table in enumerate(told.sessions(urls))]
        sources: list[Source] = [_file(path, record) for path in files]
        if not files:
            sources.append(ProbeSource(tuple(asked), args=_probe_options(program), record=record))
        try:
            glyphs = program.glyphs or fitting(sys.stdin.fileno(), sys.stderr.fileno())
            notices = [] if glyphs == program.glyphs or glyphs == "unicode" else ["glyphs_ascii"]
            return run(sources, program, lang, glyphs=glyphs, notices=notices)
        except OSError as error:
            key = "option.writable" if record is not None else "cli.no_recording"
            why = error.strerror or str(error)
            raise BadOption(key, option="--record", given=error.filename, error=why) from None


def _probe_options(program: ProgramOptions) -> tuple[str, ...]:
    """What of our own options the probe must know."""
    patterns = [word for pattern in program.redact for word in ("--redact", pattern)]
    return (*patterns, *(["--no-redact"] if program.no_redact else []))


def _file(path: str, record: Path | None) -> Source:
    if path != "-":
        return FileSource(Path(path))
    # Keys are read from stdin: the data moves to a descriptor of its own, and the terminal takes its place.
    data = os.dup(0)
    with open(os.ctermid(), "rb", buffering=0) as terminal:  # noqa: PTH123 - a device, not a path
        os.dup2(terminal.fileno(), 0)
    return StdinSource(data, record=record)


@contextmanager
def _lab(story: str | None) -> Iterator[Mapping[str, Any]]:
    """A lab for the story, as a child that ends with us; its URLs. Nothing where there is no story."""
    if story is None:
        yield {}
        return
    command = [sys.executable, "-m", "tui", "lab", story, "--json"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        said = child.stdout.readline()
        if not said:
            raise LabError("lab.silent")
        yield msgspec.json.decode(said)["urls"]
    finally:
        child.stdin.close()
        child.wait()
        child.stdout.close()
