"""Networks from and to files of other tools, by their suffix."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from types import ModuleType

from forecast.arguments import checked, short_repr
from forecast.compression import SUFFIXES as COMPRESSIONS
from forecast.compression import opened, plain_name
from forecast.errors import InputError, Problem, nearest
from forecast.interchange import bif, hugin, uai, xdsl, xmlbif
from forecast.interchange.source import MAX_NETWORK_BYTES
from forecast.interchange.tabled import TabledNetwork
from forecast.writing import replace_file

FORMATS: dict[str, ModuleType] = {
    "bif": bif,
    "xmlbif": xmlbif,
    "xdsl": xdsl,
    "net": hugin,
    "uai": uai,
}
SUFFIXES = {
    ".bif": "bif",
    ".xml": "xmlbif",
    ".xmlbif": "xmlbif",
    ".bifxml": "xmlbif",
    ".xdsl": "xdsl",
    ".net": "net",
    ".oobn": "net",
    ".uai": "uai",
}
OTHER_TOOLS = {
    ".hkb": "Hugin",
    ".dne": "Netica",
    ".dnet": "Netica",
    ".neta": "Netica",
    ".dsl": "GeNIe 1",
    ".dsc": "MSBNx",
    ".xbn": "MSBNx",
    ".cmpx": "AgenaRisk",
    ".ast": "AgenaRisk",
}
"""Suffixes of files that are not read, with whose they are."""

_DECLARED = re.compile(r"""\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_TEXT_CODECS = re.compile(
    r"utf-?(8|16|32)|ascii|iso8859|latin|cp\d|koi8|mac|kz1048|hp-roman|tis|big5|gb|hz|euc|shift"
    r"|johab|iso2022"
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\0?\0", "utf-16-le"),
    (b"\0<\0?", "utf-16-be"),
)
"""How a file may begin that says its own encoding: a mark, or the first signs of XML."""


@checked
def read_network(
    path: str | Path,
    format: str | None = None,  # noqa: A002
    *,
    encoding: str | None = None,
) -> TabledNetwork:
    """Read a Bayesian network from a file of another tool.

    Parameters
    ----------
    path
        A file that ends in .bif, .xml, .xmlbif, .bifxml, .xdsl, .net, .oobn or .uai, or such a file
        compressed with gzip, bzip2, xz or zip.
    format
        "bif", "xmlbif", "xdsl", "net" or "uai", where the suffix does not say it.
    encoding
        How its text is encoded, where it is not UTF-8 and neither a byte order mark nor an XML
        declaration says it.

    Returns
    -------
    TabledNetwork
        The network; its notes say what was changed or left out while reading.

    Raises
    ------
    InputError
        With all problems, each with its file, line and column.

    Warns
    -----
    InputWarning
        If parts of the file were left out: decisions, utilities and equations that no chance node
        needs.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> rain = TabledNetwork("rain", {"rain": ("no", "yes")}, tables={"rain": [0.8, 0.2]})
    >>> with TemporaryDirectory() as folder:
    ...     read_network(write_network(rain, Path(folder) / "rain.bif")) == rain
    True
    """
    source = Path(path)
    if format is not None or source.suffix.lower() not in COMPRESSIONS:
        _format(source, source.name, format)
    name, raw = _content(source)
    chosen = _format(source, name, format)
    if encoding is not None:
        encoding = _codec(encoding, "encoding")
    text = _decoded(raw, str(source), encoding, markup=chosen in ("xmlbif", "xdsl"))
    network: TabledNetwork = FORMATS[chosen].read(text, str(source))
    return network


@checked
def write_network(
    network: TabledNetwork,
    path: str | Path,
    format: str | None = None,  # noqa: A002
) -> Path:
    """Write a Bayesian network to a file that other tools read.

    Numbers are written so that they are read back to the last bit. UAI has no place for names,
    labels, properties and concentrations; the others keep all of them.

    Parameters
    ----------
    network
        The network.
    path
        A file that ends in .bif, .xml, .xmlbif, .bifxml, .xdsl, .net or .uai; replaced as a whole.
    format
        "bif", "xmlbif", "xdsl", "net" or "uai", where the suffix does not say it.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the format is unknown, or the file cannot be written.

    Examples
    --------
    >>> write_network(network, "asia.xdsl")  # doctest: +SKIP
    """
    target = Path(path)
    if target.suffix.lower() in COMPRESSIONS:
        raise InputError([Problem(str(target), "is written uncompressed; leave out the suffix")])
    text: str = FORMATS[_format(target, target.name, format)].write(network)
    try:
        replace_file(target, text)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError([Problem(str(target), f"cannot be written: {reason}")]) from None
    return target


def _content(path: Path) -> tuple[str, bytes]:
    """The name and the bytes of what a file holds, decompressed."""
    try:
        if path.exists() and not path.is_file():
            raise InputError([Problem(str(path), "is not a file")])
    except (OSError, ValueError):
        pass  # opening it says why
    with opened(path) as (name, file):
        raw = file.read(MAX_NETWORK_BYTES + 1)
    if len(raw) > MAX_NETWORK_BYTES:
        raise InputError(
            [Problem(str(path), f"more than the {MAX_NETWORK_BYTES:,} bytes that are read")]
        )
    return name, raw


def _format(path: Path, name: str, given: str | None) -> str:
    """The format that was given, or that a name says."""
    if given is not None:
        if given not in FORMATS:
            message = f"{short_repr(given)} is not a format; {nearest(given, FORMATS)}"
            raise InputError([Problem("format", message)])
        return given
    suffix = Path(plain_name(Path(name))).suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if suffix in OTHER_TOOLS:
        message = (
            f"files of {OTHER_TOOLS[suffix]} are not read; save it as .xdsl, .net, .bif or .xml "
            "there, or read it with pyAgrum, which knows some of them: "
            "from_pyagrum(pyagrum.loadBN(path))"
        )
        raise InputError([Problem(str(path), message)])
    message = f"the suffix {short_repr(suffix)} is of no known format; {nearest(suffix, SUFFIXES)}"
    raise InputError([Problem(str(path), f"{message}; or give the format")])


def _decoded(raw: bytes, where: str, given: str | None, *, markup: bool) -> str:
    """Text in the encoding that is given, that a mark or an XML declaration says, or in UTF-8."""
    marked = next((codec for mark, codec in _MARKS if raw.startswith(mark)), None)
    declared = _DECLARED.match(raw[:400].decode("latin-1")) if markup and not marked else None
    declared_codec = _codec(declared[1], f"{where}:1") if declared else "utf-8"
    if declared_codec.startswith(("utf-16", "utf-32")):
        declared_codec = (
            "utf-8"  # a declaration that can be read in single bytes is wrong about itself
        )
    encoding = given or marked or declared_codec
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        byte = f"byte {error.start}, {raw[error.start]:#04x}"
        remedy = "give its encoding: read_network(path, encoding='cp1252')"
        message = f"not a text file in {encoding.upper()} ({byte}); {remedy}"
        raise InputError([Problem(f"{where}:{line}", message)]) from None


def _codec(name: str, where: str) -> str:
    """Python's name of an encoding of text."""
    try:
        found = codecs.lookup(name).name
    except (LookupError, TypeError, ValueError):
        found = ""
    if not _TEXT_CODECS.match(found):
        message = (
            f"the encoding {short_repr(name)} is not known; save the file in UTF-8, or give another"
        )
        raise InputError([Problem(where, message)])
    return found
