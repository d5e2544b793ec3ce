"""The ``facedge`` command: subcommands, and errors as sentences and exit codes."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Sequence

import typer

from facedge import __version__
from facedge.errors import FacedgeError

from . import build, calibrate, inspect, listing, run, verify

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="facedge",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Compile face models into verified bundles, and play them.",
    epilog="Exit codes: 0 ok, 2 usage or input, 3 quality gate, 4 missing backend.",
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"facedge {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Compile face models into verified bundles, and play them."""


app.command("build")(build.build)
app.command("run")(run.run)
app.command("verify")(verify.verify)
app.command("inspect")(inspect.inspect)
app.command("engine")(build.engine)
app.command("calibrate")(calibrate.calibrate)
app.command("models")(listing.models)
app.command("passes")(listing.passes)


def execute(application: typer.Typer, arguments: Sequence[str]) -> int:
    """Run a command line; print one sentence for anything that goes wrong.

    Returns:
        The exit code: 0 ok, 2 usage or input, 3 quality gate, 4 missing backend.
    """
    as_json = "--json" in arguments
    try:
        result = application(args=list(arguments), standalone_mode=False)
        if result == EXIT_INTERRUPTED:  # what typer makes of Ctrl-C
            return _fail("interrupted; nothing was written", EXIT_INTERRUPTED, as_json)
        return result if isinstance(result, int) else 0
    except FacedgeError as error:
        return _fail(str(error), error.exit_code, as_json)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was written", EXIT_INTERRUPTED, as_json)
    except typer.Abort:
        return _fail("interrupted; nothing was written", EXIT_INTERRUPTED, as_json)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.TyperException as error:
        return _fail(f"{error.format_message()} (see --help)", EXIT_USAGE, as_json)
    except MemoryError:
        return _fail("out of memory; try a smaller --batch or fewer pictures", EXIT_USAGE, as_json)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        where = f" ({error.filename})" if error.filename else ""
        return _fail(f"cannot write: {error.strerror}{where}", EXIT_USAGE, as_json)


def _fail(sentence: str, code: int, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"error": sentence, "exit_code": code}))
    print(f"facedge: {sentence}", file=sys.stderr)
    return code


def main() -> None:
    """Entry point of the installed command."""
    sys.exit(execute(app, sys.argv[1:]))


if __name__ == "__main__":
    main()
