"""The list of verbs, and how one is found. A verb's file is imported only when that verb is called.

Which is why each verb's line of help stands here: `sozu --help` imports no verb at all.
"""

from collections.abc import Sequence
from importlib import import_module
import os
import signal
import sys
from typing import Final

import click

from sozu import __version__
from sozu.cli.options import socket_option
from sozu.command.nearest import nearest

_SIGNALLED: Final = 128  # what shells add to a signal's number
_COMPLETION: Final = "_SOZU_COMPLETE"  # set by a shell that asks click what could come next
# Said here and once more in each verb's own help: to read it from there, `sozu --help` would have to import gevent, YAML and all else that
# any verb needs.
VERBS: Final = {
    "serve": "Start the proxy: a master and its workers.",
    "check": "Read a configuration file and show all its errors.",
    "convert": "Turn a configuration of the upstream Sozu (TOML) into one of ours.",
    "status": "Show the master, its listeners and its workers.",
    "upgrade": "Bring master and workers to the code on disk, while they serve.",
    "workers": "Have more or fewer workers, while they serve.",
    "stop": "Stop the proxy when its sessions have ended, or at once.",
    "settings": "Show or change limits and the log level.",
    "listener": "Add, remove, change or list the addresses that workers accept on.",
    "cluster": "Add, remove or list clusters.",
    "frontend": "Add, remove or list frontends: hostname + path -> cluster.",
    "backend": "Add, remove or list the addresses of a cluster.",
    "certificate": "Add, replace, remove or list the certificates of https listeners.",
    "state": "Save, load or show the configuration that is in force.",
    "plan": "Show what a configuration file would change.",
    "apply": "Make a configuration file the whole configuration.",
    "log": "Show who changed what, and when.",
    "rollback": "Go back to the configuration of a revision.",
    "export": "Write the configuration that is in force as YAML.",
    "explain": "Show whose a request would be, and why.",
    "events": "Show what happens to the proxy, as it happens.",
    "help": "Explain a verb, or the code of an error.",
    "metrics": "Show the counters of the workers.",
    "password": "Hash a password, for basic_auth.",
}


# Which folder a verb is in is for those who look for its file; on the command line all are side by side.
FOLDERS: Final = {
    **dict.fromkeys(("status", "metrics", "events", "explain", "help"), "looking"),
    **dict.fromkeys(("state", "plan", "apply", "log", "rollback", "export"), "revisions"),
    **dict.fromkeys(("upgrade", "workers"), "processes"),
    "certificate": "certificates",
    "convert": "files",
}


def module_of(verb: str) -> str:
    """The module that holds a verb."""
    return ".".join(filter(None, ("sozu.cli", FOLDERS.get(verb), verb)))


class Verbs(click.Group):
    """A group whose verbs are files of this package, imported by need."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every verb, in the order in which a newcomer meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The verb of that name; None makes `resolve_command` speak."""
        # Never a look at the disk: what is no verb must not become one by a file of that name.
        if cmd_name not in VERBS:
            return None
        verb: click.Command = getattr(import_module(module_of(cmd_name)), cmd_name)
        return verb

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but an unknown verb is answered with the nearest one."""
        # click itself looks for the nearest name among its `commands`, which a group that imports by need leaves empty.
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            near = nearest(args[0], VERBS)
            hint = f"did you mean {near!r}?" if near else f"the verbs are: {', '.join(VERBS)}"
            ctx.fail(f"there is no verb {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The table above, without importing what it names."""
        with formatter.section("Verbs"):
            # click would import every verb to ask for its first line.
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message="sozu %(version)s")
@socket_option
def program() -> None:
    """
    An HTTP reverse proxy that never stops.

    \b
    Examples:
      sozu serve --demo                                  something to look at, on http://127.0.0.1:8080
      sozu serve --to 127.0.0.1:9001                     a proxy in one line
      sozu backend add blog 127.0.0.1:9002               change it while it serves

    Exit codes: 0 done, 1 refused by the proxy, 2 bad input, 3 no master, 4 timed out, 5 committed, but a worker had not
    confirmed by the deadline (it is replaced).
    """


def main(arguments: Sequence[str]) -> int:
    """Run one verb, say what went wrong, and return the exit code of the process.

    click's own `main` ends with 1 after an interrupt and for a pipe that nobody reads, which here says that the proxy has refused. What
    a signal or a full disk ends may have been done.
    """
    try:
        return _run(arguments)
    # Before OSError, whose child it is: `sozu log | head -1` is no failure that anybody wants to read about.
    except BrokenPipeError:
        _forget_what_nobody_reads()
        return _SIGNALLED + signal.SIGPIPE
    except OSError as error:
        click.echo(f"Error: input or output failed: {error}", err=True)
        # 74: none of our own codes, as the change may well be committed and only its answer have found a full disk.
        return os.EX_IOERR


def _run(arguments: Sequence[str]) -> int:
    # click's own `main` looks for this, which is left out below; it answers the shell and ends the process.
    if _COMPLETION in os.environ:
        program.main(list(arguments), prog_name="sozu")
    try:
        # Not by click's own `main`: even with `standalone_mode=False` it ends the process with 1 when nobody reads the output (EPIPE).
        with program.make_context("sozu", list(arguments)) as context:
            program.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, EOFError, KeyboardInterrupt):
        # Also in a wait: the change was committed before it began, and who reads "refused" would make it again.
        click.echo("Interrupted. What was asked for may have been done.", err=True)
        return _SIGNALLED + signal.SIGINT
    return 0


def _forget_what_nobody_reads() -> None:
    # The interpreter flushes both as it ends, and would complain of them in turn.
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        # The descriptors and not the objects: what is buffered already goes to /dev/null too.
        os.dup2(nothing, stream.fileno())
    os.close(nothing)
