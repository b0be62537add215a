"""The product: a forecast as a document that is handed over, in several forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import escape
from pathlib import Path
from typing import Any

from forecast.arguments import checked
from forecast.errors import InputError, Problem, UnreliableFit, raise_if_any
from forecast.estimate import interval, percent
from forecast.lexicon import Lexicon, Terms, read_lexicon
from forecast.outlook import Forecast
from forecast.reporting.contents import gather
from forecast.reporting.document import Document
from forecast.reporting.machine import render_json
from forecast.reporting.markdown import figures_of, render_markdown
from forecast.reporting.portable import render_pdf, require_browser
from forecast.reporting.request import Length, Rating, Request
from forecast.reporting.word import render_docx, require_docx
from forecast.text import DASH, flat, for_html, printed, visible
from forecast.verification.published import PublishedDocument
from forecast.verification.record import Record
from forecast.writing import replace_file

XML = '<?xml version="1.0" encoding="utf-8"?>\n'
FORMS = {".html": "html", ".md": "markdown", ".json": "json", ".docx": "docx", ".pdf": "pdf"}
"""Suffixes of files, and the forms that they name."""
RANGE = re.compile(rf"\d+{DASH}\d+")


@dataclass(frozen=True)
class Product:
    """A forecast as a document, in HTML, Markdown, JSON, DOCX and PDF.

    Attributes
    ----------
    document
        What it says. Every form is written from it.
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

    @cached_property
    def json(self) -> str:
        """The product for machines; `priors/product.schema.json` is its schema."""
        return render_json(self.document)

    @cached_property
    def docx(self) -> bytes:
        """The product for those who edit it; needs the extra "docx"."""
        return render_docx(self.document)

    @cached_property
    def pdf(self) -> bytes:
        """The page as it prints, by a Chromium that is installed."""
        return render_pdf(self.html)

    def save(self, path: str | Path) -> Path:
        """Write the product to a file, in the form that its suffix names.

        Parameters
        ----------
        path
            A path that ends in .html, .md, .json, .docx or .pdf. Missing folders are made. The
            file appears whole or not at all; figures of Markdown are saved beside it.

        Raises
        ------
        InputError
            For any other suffix, where the file cannot be written, and where a form needs what
            is not installed.
        """
        target = Path(path)
        require_form(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            for path_of, text in self._files(target).items():
                replace_file(path_of, text)
        except OSError as error:
            message = f"cannot be written: {error.strerror or error}"
            raise InputError([Problem(str(target), message)]) from None
        return target

    def _files(self, target: Path) -> dict[Path, str | bytes]:
        """What to write, by path; figures of Markdown come before the page that shows them."""
        form = FORMS[target.suffix.lower()]
        if form != "markdown":
            return {target: getattr(self, form)}
        figures = figures_of(self.document, target.stem)
        texts = {target.with_name(name): f"{XML}{panel}" for name, panel in figures.items()}
        return {**texts, target: render_markdown(self.document, target.stem)}

    @printed
    def __repr__(self) -> str:
        sections = len(self.document.sections)
        return f"Product({self.document.title!r}, {sections} sections; .save(path) writes it)"

    def _repr_html_(self) -> str:
        """The page in a frame, so that its style stays out of the notebook."""
        page = escape(self.html, quote=True)
        style = "width:100%;height:80vh;border:1px solid rgba(128,128,128,.35)"
        return f'<iframe title="Product" srcdoc="{page}" style="{style}"></iframe>'


def require_form(path: str | Path) -> None:
    """Raise unless a product can be written under a name: before a minute is spent on it.

    Parameters
    ----------
    path
        Where it is to be written.

    Raises
    ------
    InputError
        For a suffix that names no form, and where a form needs what is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMS:
        name = Path(path).name or str(path)
        message = f"{name!r} ends in none of {', '.join(FORMS)}, the forms of a product"
        raise InputError([Problem("path", message)])
    if suffix == ".pdf":
        require_browser()
    if suffix == ".docx":
        require_docx()


@checked
def product(
    outlook: Forecast,
    previous: Forecast | None = None,
    *,
    length: Length = "full",
    lexicon: str | Lexicon = "icd203",
    terms: Terms = "A",
    confidence: Rating | None = None,
    reason: str = "",
    record: Record | None = None,
    document: PublishedDocument | None = None,
    allow_unreliable: bool = False,
) -> Product:
    """Make the product of a forecast: what is handed to its readers.

    Parameters
    ----------
    outlook
        The forecast.
    previous
        An earlier forecast of the same scenario; the product then says what changed.
    length
        "full", or "page" for one page: how likely, how sure, what changed and why, what would
        change it, and what to look for next.
    lexicon, terms
        Whose words for probabilities, and which row of synonyms; see `read_lexicon`.
    confidence, reason
        Analytic confidence that the author states in place of the computed one, and why. Both are
        printed, and the computed one beside them.
    record
        Earlier forecasts, and what came of their questions; the full product then says how good
        they were.
    document
        A published document that the full product sets beside it, judgement by judgement.
    allow_unreliable
        Make it even though the sampler's checks failed, with the failures at the top.

    Raises
    ------
    UnreliableFit
        If the sampler's checks failed and `allow_unreliable` is not set.
    InputError
        If the earlier forecast is of another scenario, there is no such lexicon, or a confidence
        comes without a reason.

    Examples
    --------
    >>> product(outlook).save("warning.html")  # doctest: +SKIP
    >>> product(outlook, length="page", lexicon="nato").save("page.html")  # doctest: +SKIP
    """
    problems = []
    if previous is not None and previous.scenario.name != outlook.scenario.name:
        names = f"{previous.scenario.name!r}, not {outlook.scenario.name!r}"
        problems.append(Problem("previous", f"it forecasts {names}; compare like with like"))
    if (confidence is None) != (not reason.strip()):
        given = "a reason without a confidence" if confidence is None else f"{confidence!r} alone"
        problems.append(Problem("confidence", f"{given}; state both, or neither"))
    raise_if_any(problems)
    scale = read_lexicon(lexicon)
    failures = outlook.diagnostics.failures
    if failures and not allow_unreliable:
        raise UnreliableFit(
            f"{'; '.join(failures)}. Sample more draws, or allow an unreliable product "
            "with this warning on top."
        )
    request = Request(outlook, previous, scale, terms, confidence, reason, record, document)
    return Product(gather(request, length))


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
