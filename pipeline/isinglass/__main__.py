"""`python -m isinglass`: the command line of this Python's own Isinglass, whatever PATH says."""

from isinglass.cli import main

main()
