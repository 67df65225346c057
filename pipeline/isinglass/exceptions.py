"""What Isinglass raises when it cannot go on, and how it words the next step."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """What the user gave cannot be used. The message is one line: what is wrong, where, what to do.

    The command line prints it and ends with exit code 2.
    """


def known(word: str, options: Iterable[str]) -> str:
    """The end of a message about an unknown word: the closest match, or else all that is known."""
    names = sorted(options)
    match = get_close_matches(word, names, n=1, cutoff=0.5)
    if match:
        return f"did you mean {match[0]!r}?"
    return f"known: {', '.join(names)}" if names else "none is known here"
