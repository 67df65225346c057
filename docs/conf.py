"""Sphinx: the site of these pages. Built offline, warnings are errors: `uv run sphinx-build -W docs site`."""

import inspect
import pkgutil
import re

import jinja2

import isinglass

project = "Isinglass"
copyright = "the Isinglass developers"
extensions = ["myst_nb", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = "Isinglass"
html_static_path = []
default_role = "code"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
myst_heading_anchors = 4
nb_execution_mode = "force"  # notebooks are kept without output: what the site shows was computed for it
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True

MARKUP = re.compile(r"([*|]|(?<=\w)_(?!\w))")


def plain(app, what, name, obj, options, lines):
    """Docstrings are plain text with `code` and lists: whatever else reStructuredText takes for markup is escaped."""
    text = "\n".join(lines)
    pieces = re.split(r"(`[^`]*`)", text)
    pieces[::2] = [MARKUP.sub(r"\\\1", p) for p in pieces[::2]]
    pieces[2::2] = [re.sub(r"^(?=\w)", r"\\ ", p) for p in pieces[2::2]]  # code ends also before a letter or power
    lines[:] = [re.sub(r"^(\s*)\\\* ", r"\1* ", line) for line in "".join(pieces).split("\n")]


def modules(package):
    """Names of a package's modules."""
    return [m.name for m in pkgutil.iter_modules(__import__(package, fromlist=["x"]).__path__)]


def kind(name):
    """What autodoc calls a public name."""
    return "class" if inspect.isclass(getattr(isinglass, name)) else "function"


def expand(app, docname, source):
    """Pages of the API list what there is: a new model or stage needs no line here."""
    if docname.startswith("api/"):
        source[0] = jinja2.Template(source[0]).render(modules=modules, kind=kind, public=lambda: isinglass.__all__)


def setup(app):
    app.connect("autodoc-process-docstring", plain)
    app.connect("source-read", expand)
