"""A document as PDF: its page, printed by a browser that is installed.

WeasyPrint was tried and not kept: it took a minute for a page that Chromium prints in a second, and
broke the columns of that one page over twelve.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from forecast.errors import InputError, Problem

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
QUIET = (
    *("--headless", "--disable-gpu", "--no-first-run", "--disable-sync", "--no-pdf-header-footer"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    *("--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"),
)
"""Options: no address can be looked up, and nothing of the user's own profile is read."""
SECONDS = 120
DATES = re.compile(rb"(/(?:Creation|Mod)Date \(D:)[^)]*\)")


def find_browser() -> str | None:
    """Path of a browser that prints PDF; None if there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def require_browser() -> str:
    """Path of a browser that prints PDF.

    Raises
    ------
    InputError
        If there is none.
    """
    browser = find_browser()
    if browser is None:
        message = f"needs a browser to print with, one of: {', '.join(BROWSERS)}"
        raise InputError([Problem(".pdf", message)])
    return browser


def render_pdf(html: str) -> bytes:
    """Print a page of HTML as a tagged PDF, which a screen reader can follow.

    Parameters
    ----------
    html
        The page, complete.

    Raises
    ------
    InputError
        If no browser is installed, or it does not print.
    """
    browser = require_browser()
    with TemporaryDirectory(prefix="forecast-") as folder:
        page, pdf = Path(folder) / "page.html", Path(folder) / "page.pdf"
        page.write_text(html, encoding="utf-8")
        own = (f"--user-data-dir={Path(folder) / 'profile'}", f"--print-to-pdf={pdf}")
        command = [browser, *QUIET, *own, page.as_uri()]
        try:
            subprocess.run(command, capture_output=True, check=True, timeout=SECONDS)
            return DATES.sub(_undated, pdf.read_bytes())
        except (OSError, subprocess.SubprocessError) as error:
            message = f"{Path(browser).name} did not print it: {type(error).__name__}"
            raise InputError([Problem(".pdf", message)]) from None


def _undated(found: re.Match[bytes]) -> bytes:
    """A date of the same length that says nothing, so that the same page gives the same bytes."""
    room = len(found[0]) - len(found[1]) - 1
    return found[1] + b"20000101000000+00'00'"[:room].ljust(room) + b")"
