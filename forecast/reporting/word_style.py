"""How a DOCX looks: letters, margins, ruled tables, columns and the numbers of its pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

INK, QUIET, SOFT, RULE, ALARM = "1C2430", "586270", "39424F", "C6CCD4", "B8450B"
FONT = "Arial"
PAGE_WIDTH, PAGE_HEIGHT = 210.0, 297.0
"""A4, in millimetres."""
MARGINS = {"full": 19.0, "page": 14.0}
SCALE = {"full": 1.0, "page": 0.82}
"""What sizes are multiplied by: one page has to hold all that a decision needs."""
STYLES: dict[str, dict[str, Any]] = {
    "Normal": {"size": 10, "after": 5},
    "Title": {"size": 21, "after": 4, "bold": True, "rule": "top", "weight": 24},
    "Subtitle": {"size": 11.5, "after": 6, "color": SOFT, "italic": True},
    "Heading 1": {"size": 13.5, "before": 15, "after": 3, "bold": True, "rule": "top"},
    "Heading 2": {"size": 10.5, "before": 9, "after": 3, "bold": True},
    "Intense Quote": {"size": 10, "after": 9, "color": ALARM, "bold": True, "rule": "bottom"},
    "Quote": {"size": 10, "after": 6, "color": SOFT, "rule": "left", "weight": 12, "indent": 3},
    "Caption": {"size": 8.5, "after": 7, "color": QUIET},
    "Facts": {"size": 8.5, "after": 4, "color": SOFT},
    "Asked": {"size": 8.5, "after": 5, "color": SOFT, "keep": True},
    "Note": {"size": 8.5, "after": 5, "color": QUIET},
    "Head": {"size": 7.5, "color": QUIET},
    "Cell": {"size": 8.5},
    "Cell small": {"size": 7.5, "color": QUIET},
    "Gap": {"size": 4},
    "Entry": {"size": 7.5, "before": 3, "after": 1, "bold": True, "keep": True},
    "List Bullet": {"size": 7, "after": 1},
}
"""Sizes and distances in points, indents in millimetres; rules in eighths of a point."""
BETWEEN = 6.0
"""Millimetres between two columns."""
SHORT = 5
"""Rows up to which a table is not divided between pages."""
Side = Literal["top", "bottom", "left"]


def dress_page(page: Any, length: str) -> None:
    """Set the size and the margins of the page, and what each style looks like.

    Parameters
    ----------
    page
        A document of python-docx, still empty.
    length
        "full", or "page" for one page.
    """
    from docx.enum.style import WD_STYLE_TYPE
    from docx.shared import Mm

    section = page.sections[0]
    section.page_width, section.page_height = Mm(PAGE_WIDTH), Mm(PAGE_HEIGHT)
    section.left_margin = section.right_margin = Mm(MARGINS[length])
    section.top_margin = section.bottom_margin = Mm(MARGINS[length])
    for name, look in STYLES.items():
        known = name in page.styles
        style = page.styles[name] if known else page.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        _dress_style(style, SCALE[length], **look)


def _dress_style(
    style: Any,
    scale: float,
    *,
    size: float,
    before: float = 0,
    after: float = 0,
    color: str = INK,
    bold: bool = False,
    italic: bool = False,
    keep: bool = False,
    indent: float = 0,
    rule: Side | None = None,
    weight: int = 6,
) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Mm, Pt, RGBColor

    font, lines = style.font, style.paragraph_format
    font.name, font.size, font.bold, font.italic = FONT, Pt(size * scale), bold, italic
    font.color.rgb = RGBColor.from_string(color)
    fonts = style.element.rPr.rFonts
    for attribute in [each for each in fonts.attrib if each.endswith("Theme")]:
        del fonts.attrib[attribute]  # a theme's letters go before those that are named
    for tag in ("w:spacing", "w:kern"):
        for spread in style.element.rPr.findall(qn(tag)):
            style.element.rPr.remove(spread)
    lines.space_before, lines.space_after = Pt(before * scale), Pt(after * scale)
    lines.line_spacing = 1.12
    lines.keep_with_next = keep or style.name.startswith("Heading")
    if indent:
        lines.left_indent, lines.right_indent = Mm(indent), Mm(0)
    properties = style.element.get_or_add_pPr()
    for border in properties.findall(qn("w:pBdr")):
        properties.remove(border)
    if rule is not None:
        color_of_rule = RULE if rule == "left" else INK
        properties.insert_element_before(
            _borders("w:pBdr", {rule: (weight, color_of_rule)}, space=4),
            *("w:shd", "w:tabs", "w:spacing", "w:ind", "w:contextualSpacing", "w:jc"),
            *("w:outlineLvl", "w:rPr"),
        )


def _borders(tag: str, sides: dict[Any, tuple[int, str]], space: int = 0) -> Any:
    """An element that draws rules; weights are in eighths of a point."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    found = OxmlElement(tag)
    for side, (weight, color) in sides.items():
        line = OxmlElement(f"w:{side}")
        values = {"val": "single", "sz": str(weight), "space": str(space), "color": color}
        for name, value in values.items():
            line.set(qn(f"w:{name}"), value)
        found.append(line)
    return found


def dress_table(grid: Any, widths: list[float]) -> None:
    """Rule a table below its rows, set its columns, and keep its rows and its head whole.

    Parameters
    ----------
    grid
        A table of python-docx, complete, whose first row is its head.
    widths
        Of the columns, in millimetres.
    """
    from docx.oxml import OxmlElement
    from docx.shared import Mm

    grid.autofit = False
    lines = {"bottom": (4, RULE), "insideH": (4, RULE)}
    grid._tbl.tblPr.append(_borders("w:tblBorders", lines))
    grid._tbl.tblPr.append(_cell_margins())
    for column, width in zip(grid.columns, widths, strict=True):
        column.width = Mm(width)
    rows = list(grid.rows)
    for number, row in enumerate(rows):
        properties = row._tr.get_or_add_trPr()
        for name in ("w:cantSplit", *(("w:tblHeader",) if number == 0 else ())):
            properties.append(OxmlElement(name))
        together = number in (0, 1, len(rows) - 2) or len(rows) <= SHORT
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = Mm(width)
            if number == 0:
                cell._tc.get_or_add_tcPr().append(_borders("w:tcBorders", {"bottom": (6, INK)}))
            for paragraph in cell.paragraphs:
                paragraph.paragraph_format.keep_with_next = together and number < len(rows) - 1


def _cell_margins() -> Any:
    """No room on the left of a cell, so that tables stand flush with the text."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    margins = OxmlElement("w:tblCellMar")
    for side, twips in (("top", 35), ("left", 0), ("bottom", 35), ("right", 110)):
        edge = OxmlElement(f"w:{side}")
        edge.set(qn("w:w"), str(twips))
        edge.set(qn("w:type"), "dxa")
        margins.append(edge)
    return margins


def columns(page: Any, number: int) -> None:
    """Go on in so many columns, on the same page.

    Parameters
    ----------
    page
        A document of python-docx.
    number
        How many.
    """
    from docx.enum.section import WD_SECTION
    from docx.oxml.ns import qn
    from docx.shared import Mm

    section = page.add_section(WD_SECTION.CONTINUOUS)
    section.different_first_page_header_footer = False
    [layout] = section._sectPr.findall(qn("w:cols"))
    layout.set(qn("w:num"), str(number))
    layout.set(qn("w:space"), str(Mm(BETWEEN).twips))


def next_column(page: Any) -> None:
    """Go on at the top of the next column.

    Parameters
    ----------
    page
        A document of python-docx.
    """
    from docx.enum.text import WD_BREAK

    paragraph = page.add_paragraph()
    set_style(paragraph, "Gap")
    paragraph.add_run().add_break(WD_BREAK.COLUMN)


def ask_in_heading(page: Any, heading: Any, question: str, width: float) -> None:
    """Set a question at the right end of a heading, smaller.

    Parameters
    ----------
    page, heading
        A document of python-docx, and a heading of it.
    question
        The question.
    width
        Of the column, in millimetres.
    """
    from docx.enum.text import WD_TAB_ALIGNMENT
    from docx.shared import Mm

    heading.paragraph_format.tab_stops.add_tab_stop(Mm(width), WD_TAB_ALIGNMENT.RIGHT)
    run = heading.add_run(f"\t{question}")
    font, look = run.font, page.styles["Asked"].font
    font.size, font.color.rgb, font.bold = look.size, look.color.rgb, False


def number_pages(page: Any, title: str) -> None:
    """Put a title on top of every page but the first, and its number at the foot of each.

    Parameters
    ----------
    page
        A document of python-docx, in one section.
    title
        The title.
    """
    [section] = page.sections
    section.different_first_page_header_footer = True
    section.header.paragraphs[0].add_run(title)
    set_style(section.header.paragraphs[0], "Head")
    for footer in (section.footer, section.first_page_footer):
        _number(footer.paragraphs[0])


def _number(line: Any) -> None:
    """The number of the page and how many there are, as fields."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    set_style(line, "Head")
    line.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    for name in ("PAGE", "/", "NUMPAGES"):
        if name == "/":
            line.add_run(" / ")
            continue
        field = OxmlElement("w:fldSimple")
        field.set(qn("w:instr"), name)
        field.append(OxmlElement("w:r"))
        field[0].append(OxmlElement("w:t"))
        field[0][0].text = "1"
        line._p.append(field)


def describe_picture(shape: Any, text: str) -> None:
    """Say what a picture shows, for a screen reader, and put no room around it.

    Parameters
    ----------
    shape
        An inline picture of python-docx.
    text
        What it shows.
    """
    shape._inline.docPr.set("descr", text)
    for side in "TBLR":
        shape._inline.set(f"dist{side}", "0")


def write_cell(cell: Any, lines: Iterable[tuple[str, str, bool]]) -> None:
    """Write the lines of a cell.

    Parameters
    ----------
    cell
        A cell of a table of python-docx.
    lines
        Text, style, and whether it is bold.
    """
    for number, (text, style, bold) in enumerate(lines):
        paragraph = cell.paragraphs[0] if number == 0 else cell.add_paragraph()
        set_style(paragraph, style)
        paragraph.add_run(text).bold = bold or None


def set_style(paragraph: Any, name: str) -> None:
    """Give a paragraph a style of ours: python-docx looks through all of them each time.

    Parameters
    ----------
    paragraph
        A paragraph of python-docx.
    name
        The style.
    """
    paragraph._p.style = name.replace(" ", "")
