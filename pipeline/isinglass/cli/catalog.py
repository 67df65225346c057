"""Commands about datasets by name: catalog list, add, remove, check, search; publish."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import category

import click

from isinglass.cli.base import Group, cli
from isinglass.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from isinglass.datasets import Entry


@cli.group(cls=Group)
def catalog() -> None:
    """Datasets by name: list them, search them, add and remove your own, check that all can be opened."""


file_option = click.option("--catalog", "file", metavar="FILE", help="Catalog file [catalogs/datasets.yaml].")


@catalog.command("list")
def list_() -> None:
    """Every dataset of every catalog: yours here, those of ISINGLASS_CATALOG_PATH, of packages, the shipped ones."""
    from isinglass import datasets

    problems: list[InputError] = []
    entries = list(datasets.everything(problems))
    for line in table(entries):
        _echo(line)
    tell([*problems, *_unusable(entries)])


@catalog.command()
@click.argument("run", metavar="RUN")
@click.option("--name", help="Its name [the folder's].")
@click.option("--license", "license_", help="Licence of the data, such as CC-BY-4.0.")
@click.option("--citation", help="How to cite the data.")
@file_option
def add(run: str, name: str | None, license_: str | None, citation: str | None, file: str | None) -> None:
    """Add RUN (a run folder, zarr group or URL) to a catalog. Again: bring its entry up to date."""
    from isinglass import registering

    path = _file(file)
    entry = registering.add(run, name, path, license_, citation)
    click.echo(f"{entry.name} -> {path}")
    click.echo(f"open it       isinglass.open({entry.name!r})")
    if entry.metadata.get("simulations", {}).get("pending"):
        click.echo("it is incomplete: `isinglass catalog add` again when it is done")


@catalog.command()
@click.argument("name")
@file_option
def remove(name: str, file: str | None) -> None:
    """Take an entry out of a catalog. The data stay."""
    from isinglass import registering

    path = _file(file)
    registering.remove(name, path)
    click.echo(f"{name} is no longer in {path}; the data are where they were")


@catalog.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def check(names: tuple[str, ...]) -> None:
    """Open every entry, or those named, and compare it with what is said of it. Exit code 1 where one is not ok."""
    from isinglass import datasets, registering
    from isinglass.exceptions import known

    problems: list[InputError] = []
    entries = list(datasets.everything(problems))
    for name in names:
        if name not in [e.name for e in entries]:
            raise InputError(f"no catalog has {name!r}; {known(name, [e.name for e in entries])}")
    bad = bool(problems)
    for entry in entries:
        if not names or entry.name in names:
            found = registering.check(entry)
            bad = bad or found.word != "ok"
            _echo(f"{found.word:12}{entry.name}: {found.why}")
    tell(problems)
    sys.exit(int(bad))


@catalog.command()
@click.argument("terms", nargs=-1, required=True, metavar="TERM...")
def search(terms: tuple[str, ...]) -> None:
    """Datasets that fulfil all terms: load>0.1 model=Hopfield task=recall observable=coherence "some words".

    A comparison holds where some swept or fixed value fulfils it. Quote the line for the shell.
    """
    from isinglass import datasets, queries

    problems: list[InputError] = []
    entries = list(datasets.everything(problems))
    found = queries.search(entries, " ".join(terms))
    for line in table(found):
        _echo(line)
    if not found:
        click.echo(f"none of {len(entries)} datasets fulfils {' '.join(terms)}")
    tell(problems)


@cli.command()
@click.argument("run_folder", metavar="RUN")
@click.argument("url")
def publish(run_folder: str, url: str) -> None:
    """Copy a finished run to URL (s3://..., a folder): seen whole or not at all, checked. Again: what is missing."""
    from isinglass import publishing, results

    try:
        publishing.publish(results.run_folder(run_folder), url, click.echo)
    except publishing.IncompleteError as error:
        click.echo(f"incomplete: {error}; finish the run, then publish it", err=True)
        sys.exit(3)


# ---------------------------------------------------------------- what is printed


def _file(given: str | None) -> Path:
    from isinglass.datasets import FILE, own_file

    path = Path(given) if given else own_file()
    path = path / FILE if path.is_dir() else path
    if path.suffix not in (".yaml", ".yml"):
        raise InputError(f"--catalog {given}: name a .yaml file, or a folder with a {FILE}")
    return path


def tell(problems: Iterable[InputError]) -> None:
    """Catalogs that cannot be read: said beside the others, which are shown all the same."""
    for problem in problems:
        _echo(f"broken      {problem}")


def _unusable(entries: Iterable[Entry]) -> Iterator[InputError]:
    """Entries of which can be told without opening them that they cannot be."""
    for entry in entries:
        try:
            entry.target()
        except InputError as error:
            yield error


def _echo(line: str) -> None:
    """A line with what stands in a catalog: a control character of somebody else's must not reach the terminal."""
    click.echo("".join("\N{REPLACEMENT CHARACTER}" if category(c)[0] == "C" else c for c in line))


def table(entries: Iterable[Entry]) -> list[str]:
    """A line for each dataset, below the catalog that it stands in: name, axes, state, title."""
    rows = [(e.catalog.file, (e.name, _axes(e), _state(e.metadata), e.title)) for e in entries]
    columns = zip(*(cells for _, cells in rows), strict=True)
    wide = [max(map(len, column)) for column in columns]
    out: list[str] = []
    above = None
    for file, cells in rows:
        if file != above:
            out.append(str(file))
            above = file
        out.append("  " + "  ".join(f"{cell:{w}}" for cell, w in zip(cells, wide, strict=True)).rstrip())
    return out


def _axes(entry: Entry) -> str:
    """Such as `load 0.01..0.2 (20); rule hebb, storkey`."""
    axes = entry.metadata.get("axes")
    pairs = axes.items() if isinstance(axes, dict) else ()
    return "; ".join(f"{name} {_span(spec)}".rstrip() for name, spec in pairs)


def _span(spec: object) -> str:
    """The values of an axis in short; nothing where somebody wrote an entry by hand without them."""
    from isinglass.datasets import said

    if not isinstance(spec, dict):
        return ""
    values = spec.get("values")
    if not (isinstance(values, list) and values):
        ends = [said(spec.get(key)) for key in ("minimum", "maximum", "count")]
        return "{}..{} ({})".format(*ends) if "minimum" in spec else ""
    units = "" if spec.get("units", "1") == "1" else f" {said(spec['units'])}"
    if len(values) > 1 and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return f"{values[0]}..{values[-1]}{units} ({len(values)})"
    return ", ".join(map(said, values[:4])) + units + (", ..." if len(values) > 4 else "")


def _state(metadata: Mapping[str, object]) -> str:
    from isinglass.datasets import said

    counts = metadata.get("simulations")
    if not isinstance(counts, dict):
        return "-"
    left = [f"{said(counts[word])} {word}" for word in ("pending", "failed") if counts.get(word)]
    return ", ".join([f"{said(counts.get('done', 0))} done", *left])
