"""The `incidents` command."""

import sys
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from app import __version__
from app.cli import evidence, exporting, importing, reading, serving
from app.cli.base import app
from app.errors import AppError, InvalidInput

__all__ = ["app", "evidence", "exporting", "importing", "main", "reading", "serving"]

UsageError: Any = typer.BadParameter.__base__
"""The base of what Typer raises for usage errors; Typer does not export it."""
assert UsageError.__name__ == "UsageError"


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Runs the command. An error is one line on standard error, with exit code 1, or 2 for usage errors."""
    try:
        sys.exit(app(standalone_mode=False))
    except UsageError as error:
        if message := error.format_message():  # empty if no command was given and the help was shown
            typer.echo(f"incidents: {message}", err=True)
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    except InvalidInput as error:
        for fault in error.faults:
            value = f' "{fault.as_json()["value"]}"' if fault.value is not None else ""
            typer.echo(f"incidents: {fault.name}{value}: {fault.message}", err=True)
        sys.exit(2)
    except AppError as error:
        typer.echo(f"incidents: {error.detail}", err=True)
        sys.exit(1)
    except ValidationError as error:
        for e in error.errors(include_url=False):
            typer.echo(f"incidents: INCIDENTS_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
