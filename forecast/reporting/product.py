"""The product: a forecast as a document that is handed over, in HTML and in Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import escape
from pathlib import Path
from typing import Any

from forecast.arguments import checked
from forecast.errors import InputError, Problem, UnreliableFit
from forecast.estimate import DASH, interval, percent
from forecast.outlook import Forecast
from forecast.reporting.content import gather
from forecast.reporting.document import Document
from forecast.reporting.markdown import render_markdown
from forecast.text import flat, for_html, printed, visible
from forecast.writing import replace_file

RANGE = re.compile(rf"\d+{DASH}\d+")


@dataclass(frozen=True)
class Product:
    """A forecast as a document, in HTML and in Markdown.

    Attributes
    ----------
    document
        What it says. Both forms are written from it.
    """

    document: Document

    @cached_property
    def markdown(self) -> str:
        """The product as Markdown."""
        return render_markdown(self.document)

    @cached_property
    def html(self) -> str:
        """The product as one self-contained page."""
        return render_html(self.document)

    def save(self, path: str | Path) -> Path:
        """Write the product to a file, in the form that its suffix names.

        Parameters
        ----------
        path
            A path that ends in .html or .md. Missing folders are made. The file appears whole or
            not at all.

        Raises
        ------
        InputError
            For any other suffix, and where the file cannot be written.
        """
        target = Path(path)
        forms = {".html": "html", ".md": "markdown"}
        if target.suffix.lower() not in forms:
            message = f"{target.name!r} ends in neither .html nor .md, the forms of a product"
            raise InputError([Problem("path", message)])
        text = getattr(self, forms[target.suffix.lower()])
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_file(target, text)
        except OSError as error:
            message = f"cannot be written: {error.strerror or error}"
            raise InputError([Problem(str(target), message)]) from None
        return target

    @printed
    def __repr__(self) -> str:
        sections = len(self.document.sections)
        return f"Product({self.document.title!r}, {sections} sections; .save(path) writes it)"

    def _repr_html_(self) -> str:
        """The page in a frame, so that its style stays out of the notebook."""
        page = escape(self.html, quote=True)
        style = "width:100%;height:80vh;border:1px solid rgba(128,128,128,.35)"
        return f'<iframe title="Product" srcdoc="{page}" style="{style}"></iframe>'


@checked
def product(
    outlook: Forecast, previous: Forecast | None = None, *, allow_unreliable: bool = False
) -> Product:
    """Make the product of a forecast: what is handed to its readers.

    Parameters
    ----------
    outlook
        The forecast.
    previous
        An earlier forecast of the same scenario; the assessment then says what changed.
    allow_unreliable
        Make it even though the sampler's checks failed, with the failures at the top.

    Raises
    ------
    UnreliableFit
        If the sampler's checks failed and `allow_unreliable` is not set.
    InputError
        If the earlier forecast is of another scenario.

    Examples
    --------
    >>> product(outlook).save("warning.html")  # doctest: +SKIP
    """
    if previous is not None and previous.scenario.name != outlook.scenario.name:
        names = f"{previous.scenario.name!r}, not {outlook.scenario.name!r}"
        raise InputError([Problem("previous", f"it forecasts {names}; compare like with like")])
    failures = outlook.diagnostics.failures
    if failures and not allow_unreliable:
        raise UnreliableFit(
            f"{'; '.join(failures)}. Sample more draws, or allow an unreliable product "
            "with this warning on top."
        )
    return Product(gather(outlook, previous))


def render_html(document: Document) -> str:
    """Write a document as one self-contained page: no scripts, nothing fetched from elsewhere.

    Parameters
    ----------
    document
        What to write; all its text is escaped, and only its figures are taken as they are.
    """
    page: str = _template().render(document=document)
    return page


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("forecast.reporting"),
        autoescape=True,
        finalize=_safe,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "interval": interval}
    environment.filters |= {"attribute": _attribute, "css_string": _css_string}
    environment.tests["kind"] = lambda value, name: type(value).__name__ == name
    return environment.get_template("product.html.j2")


def _safe(value: Any) -> Any:
    """Whatever the template prints: text without markup, and no line breaks in a range."""
    from markupsafe import Markup

    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return Markup(RANGE.sub(r'<span class="nb">\g<0></span>', for_html(flat(value))))


def _attribute(text: str) -> Any:
    """Text for an attribute or a title, which hold no elements."""
    from markupsafe import Markup

    return Markup(escape(visible(flat(text))))


def _css_string(text: str) -> Any:
    """Text as a string of a style sheet; all but letters, digits and spaces by their numbers."""
    from markupsafe import Markup

    plain = (
        c if c == " " or (c.isascii() and c.isalnum()) else rf"\{ord(c):x} " for c in flat(text)
    )
    return Markup(f'"{"".join(plain)}"')
