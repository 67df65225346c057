"""What Isinglass raises when it cannot go on, and how it words the next step."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

_HERE = str(Path(__file__).parent)


class InputError(ValueError):
    """What the user gave cannot be used. The message is one line: what is wrong, where, what to do.

    The command line prints it and ends with exit code 2.
    """


def told(error: BaseException) -> str:
    """An exception of a user's own code as one line: what it says, and the last line of that code that led to it."""
    if isinstance(error, InputError):
        return str(error)
    text = " ".join(str(error).split())
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(_HERE)]
    # the first part of the trace is ours, what follows the user's code may be a library's
    own = [f for f in frames if "site-packages" not in f.filename and "/lib/python" not in f.filename]
    where = ""
    if own:
        file = Path(own[-1].filename).name
        file = "workflow file" if file.startswith("isinglass_workflow_") else file
        where = f" ({file}, line {own[-1].lineno})"
    return f"{type(error).__name__}{f': {text}' if text else ''}{where}"


def known(word: str, options: Iterable[str]) -> str:
    """The end of a message about an unknown word: the closest match, or else all that is known."""
    names = sorted(options)
    match = get_close_matches(word, names, n=1, cutoff=0.5)
    if match:
        return f"did you mean {match[0]!r}?"
    return f"known: {', '.join(names)}" if names else "none is known here"
