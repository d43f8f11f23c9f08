"""Lints the OpenAPI document with redocly and spectral: `python -m tests.clients.openapi_linters`.

Both are installed by npm into a temporary folder. What they may find all the same is written in `spectral.yaml`, each
rule with its reason; `redocly.yaml` has no exception. Exit code 1 where anything else is found.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from app.api.application import create_app
from app.settings import Settings

HERE = Path(__file__).parent
PACKAGES = ("@redocly/cli@2.77.0", "@stoplight/spectral-cli@6.16.3")
LINTERS = (
    ("redocly", "lint", "--config", str(HERE / "redocly.yaml"), "--format", "stylish"),
    ("spectral", "lint", "--ruleset", str(HERE / "spectral.yaml"), "--fail-severity", "hint"),
)


def lint(folder: Path, linter: Sequence[str]) -> bool:
    """Whether one of the linters finds nothing. What it finds, it prints."""
    name, *arguments = linter
    command = [str(folder / "node_modules" / ".bin" / name), *arguments, "openapi.json"]
    quiet = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    return subprocess.run(command, cwd=folder, env=quiet, check=False).returncode == 0


def main() -> int:
    """Installs and runs both. Returns the exit code."""
    npm = shutil.which("npm")
    if npm is None:
        print("redocly and spectral need Node.js 20.19 or newer with npm: install them, then try again.")
        return 2
    with tempfile.TemporaryDirectory(prefix="incidents-linters-") as made:
        folder = Path(made)
        document = create_app(Settings(_env_file=None)).openapi()  # type: ignore[call-arg]
        (folder / "openapi.json").write_text(json.dumps(document, indent=1))
        install = [npm, "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", made]
        subprocess.run([*install, *PACKAGES], cwd=folder, check=True)
        clean = [lint(folder, linter) for linter in LINTERS]
    return 0 if all(clean) else 1


if __name__ == "__main__":
    sys.exit(main())
