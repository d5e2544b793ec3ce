"""The ``facedge`` command: subcommands, and errors as sentences and exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import typer

from facedge import __version__
from facedge.errors import BackendError, FacedgeError
from facedge.extras import missing_package

from . import bench, build, calibrate, evaluate, inspect, listing, plan, run, sensitivity, verify
from .process import Stopped, silence_libraries, stop_cleanly

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="facedge",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Compile face models into verified bundles, and play them.",
    epilog="Exit codes: 0 ok, 2 usage or input, 3 quality gate, 4 missing backend, "
    "130 interrupted.",
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
app.command("sensitivity")(sensitivity.sensitivity)
app.command("plan")(plan.plan)
app.command("eval")(evaluate.evaluate)
app.add_typer(bench.app, name="bench")
app.command("models")(listing.models)
app.command("passes")(listing.passes)


def execute(application: typer.Typer, arguments: Sequence[str]) -> int:
    """Run a command line; print one sentence for anything that goes wrong.

    Returns:
        The exit code: 0 ok, 2 usage or input, 3 quality gate, 4 missing backend, 130 interrupted.
    """
    as_json = "--json" in arguments
    try:
        result = application(args=list(arguments), standalone_mode=False)
        if result == EXIT_INTERRUPTED:  # what typer makes of Ctrl-C
            return _fail("interrupted; nothing was written", EXIT_INTERRUPTED, as_json)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except FacedgeError as error:
        return _fail(str(error), error.exit_code, as_json)
    except Stopped as stopped:
        return _fail(f"ended by {stopped}; nothing was written", stopped.code, as_json)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted; nothing was written", EXIT_INTERRUPTED, as_json)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.TyperException as error:
        if not error.format_message():  # no arguments: the help was the answer
            return EXIT_USAGE
        return _fail(f"{error.format_message()} (see --help)", EXIT_USAGE, as_json)
    except MemoryError:
        return _fail("out of memory; try a smaller --batch or fewer pictures", EXIT_USAGE, as_json)
    except ImportError as error:
        if (sentence := missing_package(error)) is None:
            raise
        return _fail(sentence, BackendError.exit_code, as_json)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        return _fail(f"cannot read or write{where}: {error.strerror or error}", EXIT_USAGE, as_json)


def _fail(sentence: str, code: int, as_json: bool) -> int:
    print(f"facedge: {sentence}", file=sys.stderr)
    if as_json:
        try:
            print(json.dumps({"error": sentence, "exit_code": code}), flush=True)
        except OSError:  # stdout is full or gone, which may be what went wrong
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def run_command(application: typer.Typer) -> None:
    """Run this process's command line and end the process with its exit code."""
    stop_cleanly()
    silence_libraries()
    sys.exit(execute(application, sys.argv[1:]))


def main() -> None:
    """Entry point of the installed command."""
    run_command(app)


if __name__ == "__main__":
    main()
