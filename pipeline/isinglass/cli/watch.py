"""The command that shows a run while it goes on."""

from __future__ import annotations

import click

from isinglass.cli.base import cli


@cli.command()
@click.argument("run_folder", metavar="RUN")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; by default a free one.")
@click.option("--open", "open_", is_flag=True, help="Open the page in the browser.")
def watch(run_folder: str, port: int, open_: bool) -> None:
    """A page on 127.0.0.1 whose diagram fills in while blocks land; Ctrl-C ends it (exit 0), and stops no run."""
    from isinglass import results
    from isinglass.pages.live import Server

    with Server(results.run_folder(run_folder), port) as server:
        click.echo(f"{server.url}  shows {run_folder} on this machine; Ctrl-C ends the page, not the run")
        if open_:
            import webbrowser

            if not webbrowser.open(server.url):
                click.echo("no browser was found: open that address in one")
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            click.echo("")
