"""Fills the generated parts of the docs: `python -m tests.docs`, or `make docs`."""

from tests.docs.pages import PAGES, name
from tests.docs.reference import filled

for page in PAGES:
    if (text := filled(page)) != page.read_text("utf-8"):
        page.write_text(text, "utf-8")
        print(f"filled {name(page)}")
