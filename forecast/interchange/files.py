"""Networks from and to files of other tools, by their suffix."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

from forecast.arguments import checked
from forecast.errors import InputError, Problem, nearest
from forecast.interchange import bif, uai, xdsl, xmlbif
from forecast.interchange.source import MAX_BYTES
from forecast.interchange.tabled import TabledNetwork
from forecast.writing import replace_file

FORMATS: dict[str, ModuleType] = {"bif": bif, "xmlbif": xmlbif, "xdsl": xdsl, "uai": uai}
SUFFIXES = {
    ".bif": "bif",
    ".xml": "xmlbif",
    ".xmlbif": "xmlbif",
    ".bifxml": "xmlbif",
    ".xdsl": "xdsl",
    ".uai": "uai",
}
ENCODINGS = ("utf-8", "us-ascii", "ascii", "iso-8859-1", "latin-1", "windows-1252", "cp1252")

_ENCODING = re.compile(rb"""\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


@checked
def read_network(path: str | Path, format: str | None = None) -> TabledNetwork:  # noqa: A002
    """Read a Bayesian network from a file of another tool.

    Parameters
    ----------
    path
        A file that ends in .bif, .xml, .xmlbif, .bifxml, .xdsl or .uai.
    format
        "bif", "xmlbif", "xdsl" or "uai", where the suffix does not say it.

    Returns
    -------
    TabledNetwork
        The network; its notes say what was changed while reading.

    Raises
    ------
    InputError
        With all problems, each with its file, line and column.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> rain = TabledNetwork("rain", {"rain": ("no", "yes")}, tables={"rain": [0.8, 0.2]})
    >>> with TemporaryDirectory() as folder:
    ...     read_network(write_network(rain, Path(folder) / "rain.bif")) == rain
    True
    """
    source = Path(path)
    chosen = _format(source, format)
    try:
        if source.exists() and not source.is_file():
            raise InputError([Problem(str(source), "is not a file")])
        if source.stat().st_size > MAX_BYTES:
            message = f"{source.stat().st_size:,} bytes; at most {MAX_BYTES:,} are read"
            raise InputError([Problem(str(source), message)])
        raw = source.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError([Problem(str(source), f"cannot be read: {reason}")]) from None
    text = _decoded(raw, str(source), markup=chosen in ("xmlbif", "xdsl"))
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
        A file that ends in .bif, .xml, .xmlbif, .bifxml, .xdsl or .uai; replaced as a whole.
    format
        "bif", "xmlbif", "xdsl" or "uai", where the suffix does not say it.

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
    text: str = FORMATS[_format(target, format)].write(network)
    try:
        replace_file(target, text)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError([Problem(str(target), f"cannot be written: {reason}")]) from None
    return target


def _format(path: Path, given: str | None) -> str:
    if given is None:
        found = SUFFIXES.get(path.suffix.lower())
        if found is None:
            message = f"the suffix {path.suffix!r} is of no known format; "
            names = nearest(path.suffix.lower(), SUFFIXES)
            raise InputError([Problem(str(path), f"{message}{names}; or give the format")])
        return found
    if given not in FORMATS:
        message = f"{given!r} is not a format; {nearest(given, FORMATS)}"
        raise InputError([Problem("format", message)])
    return given


def _decoded(raw: bytes, where: str, *, markup: bool) -> str:
    """Text in the encoding that an XML document declares; UTF-8 for all others."""
    declared = _ENCODING.match(raw) if markup else None
    encoding = declared.group(1).decode().lower() if declared else "utf-8"
    if encoding not in ENCODINGS:
        message = f"the encoding {encoding!r} is not read; save the file in UTF-8"
        raise InputError([Problem(f"{where}:1", message)])
    try:
        return raw.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        byte = f"byte {error.start}, {raw[error.start]:#04x}"
        message = f"not a text file in {encoding.upper()} ({byte})"
        raise InputError([Problem(f"{where}:{line}", message)]) from None
