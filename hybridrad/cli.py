"""The command line: parse, call, print."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

import hybridrad as hr
from hybridrad.cli_compare import compare, demo
from hybridrad.cli_curves import curves
from hybridrad.cli_extract import check, extract
from hybridrad.cli_runs import audit, report
from hybridrad.cli_views import views
from hybridrad.console import print_examined, print_speed, say, say_error
from hybridrad.errors import HybridradError

app = typer.Typer(
    name="hybridrad",
    help="Radiomics and deep features for small imaging cohorts: extract both, fuse with a hedge, compare honestly.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
# What a mistyped call raises; typer gives it no public name of its own (click's, or its own copy of click's).
_UsageError: Any = typer.BadParameter.__bases__[0]
# What typer returns for a KeyboardInterrupt, which it catches itself.
_INTERRUPTED = 130


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        say(f"hybridrad {hr.__version__}")
        raise typer.Exit(0)


for command in (check, extract, compare, report, audit, curves, demo, views):
    app.command()(command)


@app.command()
def doctor() -> None:
    """Say what this machine has and what is missing."""
    from hybridrad.doctor import examine

    results = examine()
    print_examined(results)
    raise typer.Exit(1 if any(r.state == "missing" for r in results) else 0)


@app.command()
def bench(
    voxels: Annotated[int, typer.Option("--voxels", min=500, help="Voxels of the synthetic region.")] = 5_000,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Extractions of which the median is given.")] = 3,
) -> None:
    """Measure the radiomics engine on this machine, against PyRadiomics where it is installed."""
    from hybridrad.bench import speed_table

    print_speed(speed_table(sizes=[voxels], repeats=repeats, note=say))


def _spread(arguments: Sequence[str]) -> list[str]:
    """Turn ``--clinical a b c`` into one option a column; click options take a fixed number of values.

    Examples
    --------
    >>> _spread(["compare", "c.csv", "--clinical", "age", "sex", "--seed", "1"])
    ['compare', 'c.csv', '--clinical', 'age', '--clinical', 'sex', '--seed', '1']
    """
    spread: list[str] = []
    inside = False
    for argument, following in zip(arguments, [*arguments[1:], "-"], strict=True):
        if argument == "--clinical" and not following.startswith("-"):
            inside = True
        elif argument.startswith("-"):
            inside = False
            spread.append(argument)
        else:
            spread += ["--clinical", argument] if inside else [argument]
    return spread


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit status: 0 well, 2 cases failed, 1 the call failed."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = app(_spread(arguments), standalone_mode=False)
        if status == _INTERRUPTED:
            raise KeyboardInterrupt
    except HybridradError as error:
        say_error(str(error))
        status = 1
    except _UsageError as error:
        error.show()
        status = 1
    except (typer.Abort, KeyboardInterrupt):
        say_error("Stopped. What is finished is kept; the same command goes on from there.")
        status = 1
    except (ValueError, TypeError, OSError) as error:
        say_error(str(error))
        status = 1
    sys.exit(status or 0)
