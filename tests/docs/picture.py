"""Makes the picture of the README, the page of one incident: `make picture`."""

import os
import subprocess
import tempfile
from pathlib import Path

from tests.docs.pages import ROOT
from tests.support import Service

FILE = ROOT / "docs/images/incident.png"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
WIDTH, HEIGHT = 1100, 845


def make(file: Path) -> None:
    """Writes the page of the seeded incident as a PNG file."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder))
        try:
            subprocess.run(
                [
                    CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--lang=en",
                    f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{HEIGHT}", "--virtual-time-budget=5000",
                    f"--screenshot={file}", f"{service.base}/incidents/ml-2019-11-01-indelimane",
                ],
                check=True, timeout=120, capture_output=True,
            )  # fmt: skip
        finally:
            service.stop()


if __name__ == "__main__":
    make(FILE)
    print(f"wrote {FILE.relative_to(ROOT)}, {FILE.stat().st_size:,} bytes")
