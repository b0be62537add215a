"""The database of a ledger: its tables, and making, opening and refusing one."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import unquote
from uuid import uuid4

from sqlalchemy import (
    CTE,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Double,
    Engine,
    Index,
    Insert,
    Integer,
    MetaData,
    NullPool,
    QueuePool,
    Select,
    Table,
    Text,
    and_,
    create_engine,
    event,
    func,
    insert,
    inspect,
    literal_column,
    make_url,
    select,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from forecast.arguments import short_repr
from forecast.errors import InputError, LedgerFailure, Problem
from forecast.evidence.ledger_access import (
    PATIENCE,
    LoneFile,
    can_write,
    has_log,
    open_to_read,
    open_to_write,
    set_aside_foreign,
)
from forecast.reading import require_path
from forecast.writing import draft_beside

FORMAT = 6
"""Format of the tables below; a file of a newer one is refused."""

APPLICATION = 0x46434C47
"""What marks an SQLite file as a ledger: "FCLG" in its header."""

CONNECTING = 30
"""Seconds that a server has to answer, if the address does not say `connect_timeout`."""

CHECKED_BYTES = 32_000_000
"""Files up to this size are checked whole whenever they are opened."""

TEXT = Text().with_variant(Text(collation="C"), "postgresql")
"""Text in the order of its code points, as Python orders it."""

USER_PASSWORD = re.compile(r"(://[^:@/?]*:).*@", re.DOTALL)
"""A password before a host, up to the last "@": one may hold any character, even unescaped."""

FORGOTTEN_HOST = re.compile(r"(://[^:@/?\[]*:)(?!\d*(?:[/?]|\Z))[^@]*\Z", re.DOTALL)
"""What stands where the port should, and is none: a password without its host, perhaps."""

KEYWORDS = re.compile(
    r"(?:^|\s)(?:host|hostaddr|dbname|user|password|passfile|service|sslpassword)\s*=",
    re.IGNORECASE,
)
"""What begins a part of a connection string, "host=… dbname=…", as PostgreSQL's own tools take."""

KEYWORD_PASSWORD = re.compile(r"(pass\w*\s*=).*", re.IGNORECASE | re.DOTALL)
"""A password in such a string, and all that comes after: it may hold any character."""

PARAMETER = re.compile(r"((?<=[?&;])[^=&;]+)=([^&;]*)")

METADATA = MetaData()
FORMATS = Table(
    "ledger_format",
    METADATA,
    Column("version", Integer, primary_key=True),
    Column("ledger", TEXT, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("digest", TEXT, nullable=False),
)
"""One row: the format, a name that no other ledger has, how many reports were received, and the
digest of all of them in their order, which begins with the name.

Every append changes it, so its page is in every log of SQLite and says whose the log is.
"""

REPORTS = Table(
    "reports",
    METADATA,
    Column(
        "receipt",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("id", TEXT, nullable=False, unique=True),
    Column("indicator", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("event_start", TEXT, nullable=False),
    Column("event_end", TEXT, nullable=False),
    Column("published", TEXT, nullable=False),
    Column("known", TEXT, nullable=False),
    Column("source", TEXT, nullable=False),
    Column("reliability", TEXT, nullable=False),
    Column("credibility", TEXT, nullable=False),
    Column("origin", TEXT, nullable=False),
    Column("supersedes", TEXT, nullable=False),
    Column("citation", TEXT, nullable=False),
    Column("note", TEXT, nullable=False),
    Column("number", Double),
    Column("upper", Double),
    Column("exposure", Double),
    Column("likelihoods", TEXT, nullable=False),
    Column("retrieved", TEXT),
    Column("scope", TEXT, nullable=False),
    Column("text", TEXT, nullable=False),
    Column("checksum", BigInteger, nullable=False),
)
"""One row for each report, dates as ISO text; receipts count from 1 without gaps."""


LINKS = REPORTS.c.supersedes > literal_column("''")
"""Whether a report supersedes another, in the words of the index of these."""

WITHDRAWS = and_(
    REPORTS.c.indicator != "",
    LINKS,
    REPORTS.c.state == "",
    REPORTS.c.number.is_(None),
    REPORTS.c.likelihoods == "",
)
LINK = (REPORTS.c.id, REPORTS.c.supersedes, WITHDRAWS)
"""What `fallen` asks of each report that supersedes one."""


def with_earlier(ids: Select[tuple[str]]) -> CTE:
    """Ids of some reports, and of all that these supersede, directly or through others."""
    found = ids.cte(recursive=True)
    return found.union(
        select(REPORTS.c.supersedes).join(found, REPORTS.c.id == found.c[0]).where(LINKS)
    )


def with_later(ids: Select[tuple[str]], known: date = date.max) -> CTE:
    """Ids of some reports, and of all that supersede these by the end of a day."""
    found = ids.cte(recursive=True)
    by_then = REPORTS.c.known <= known.isoformat()
    return found.union(
        select(REPORTS.c.id).join(found, REPORTS.c.supersedes == found.c[0]).where(LINKS, by_then)
    )


def in_any(ids: CTE) -> ColumnElement[bool]:
    """Whether a report that supersedes another is among some."""
    return and_(LINKS, REPORTS.c.id.in_(select(ids.c[0])))


HAS_ORIGIN = REPORTS.c.origin > literal_column("''")
Index("reports_known", REPORTS.c.known)
Index("reports_origin", REPORTS.c.origin, sqlite_where=HAS_ORIGIN, postgresql_where=HAS_ORIGIN)
Index("reports_indicator", REPORTS.c.indicator, REPORTS.c.known)
Index(
    "reports_supersedes",
    REPORTS.c.supersedes,
    REPORTS.c.known,
    sqlite_where=LINKS,
    postgresql_where=LINKS,
)


def connect(address: str | Path) -> Engine:
    """Open the database of a ledger, and make it if there is none.

    Parameters
    ----------
    address
        Path of an SQLite file, or an address that begins with `postgresql://`.

    Raises
    ------
    InputError
        If the address cannot be understood.
    LedgerFailure
        If what is there is no ledger, is damaged or is newer; it is left as it is.
    """
    require_no_keywords(address)
    if isinstance(address, Path) or "://" not in address:
        require_path(address)
        return _connect_file(Path(address))
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        message = f"{short_repr(name_of(address))} is not understood"
        raise InputError([Problem("address", message)]) from None
    if url.get_backend_name() != "postgresql":
        message = f"{url.drivername!r} is no ledger; give a path, or postgresql://user@host/name"
        raise InputError([Problem("address", message)])
    return _connect_server(url)


def require_no_keywords(address: str | Path) -> None:
    """Refuse a connection string of keywords, which would be taken for the name of a file.

    Raises
    ------
    InputError
        If it is one, and no file is called so.
    """
    if _has_keywords(address) and not Path(address).exists():
        message = (
            "keywords and values (host=…, dbname=…) are no ledger; write "
            "postgresql://user@host/name, or ./ before the name of a file"
        )
        raise InputError([Problem("address", message)])


def _has_keywords(address: str | Path) -> bool:
    text = str(address)
    return "://" not in text and KEYWORDS.search(text) is not None


def is_ledger_file(path: Path) -> bool:
    """Whether a path is a file that begins as a ledger does."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except (OSError, ValueError):  # a text that can be no path
        return False
    return _is_ledger(header)


def _is_ledger(header: bytes) -> bool:
    application = int.from_bytes(header[68:72], "big")
    return header.startswith(b"SQLite format 3\0") and application == APPLICATION


def name_of(address: str | Path) -> str:
    """What a ledger is called in messages: its path, or its address without any password.

    Examples
    --------
    >>> name_of("postgresql://user:word@host/name?password=word&sslmode=require")
    'postgresql://user:***@host/name?password=***&sslmode=require'
    """
    text = str(address)
    if _has_keywords(text):
        return KEYWORD_PASSWORD.sub(r"\1***", text)
    if "://" not in text:
        return text
    text = FORGOTTEN_HOST.sub(r"\1***", USER_PASSWORD.sub(r"\1***@", text))
    return PARAMETER.sub(_hidden, text)


def _hidden(parameter: re.Match[str]) -> str:
    key, value = parameter[1], parameter[2]
    return f"{key}={'***' if 'pass' in unquote(key).lower() else value}"


@contextmanager
def reading(engine: Engine, name: str) -> Iterator[Connection]:
    """One state of the ledger, whatever others append meanwhile."""
    level = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with speaking(name), engine.execution_options(**level).begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine, name: str) -> Iterator[Connection]:
    """The ledger with no other writer; what was done is stored for good, or not at all."""
    with speaking(name), engine.execution_options(writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.set_config("synchronous_commit", "on", True)))
            connection.execute(select(func.set_config("lock_timeout", f"{PATIENCE}s", True)))
            connection.execute(select(func.pg_advisory_xact_lock(APPLICATION)))
        yield connection


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Say what an error of the database means for the ledger."""
    try:
        yield
    except SQLAlchemyError as error:
        raise LedgerFailure(f"{name}: {_meaning(error, name)}") from error
    except sqlite3.Error as error:
        raise LedgerFailure(f"{name}: {_meaning(error, name)}") from error
    except UnicodeDecodeError as error:
        fault = "is damaged (text is not in UTF-8)"
        raise LedgerFailure(f"{name}: {fault}. {recovery(name)}") from error


def recovery(name: str) -> str:
    """How to get back what a damaged ledger file holds."""
    return (
        "Nothing was written to it. Put back a copy of it, with the -wal file beside it if there "
        f"is one; or read what is undamaged with `forecast.salvage_ledger({name!r})`, or if its "
        "first page is gone with `sqlite3 FILE .recover` (docs/evidence.md)"
    )


def check_whole(path: Path) -> None:
    """Read a whole ledger file, and refuse it if any page or index of it is damaged."""
    with speaking(str(path)), closing(open_to_read(path)) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise LedgerFailure(f"{path}: is damaged ({'; '.join(found)}). {recovery(str(path))}")


def check_count(connection: Connection, name: str) -> None:
    """Refuse a ledger in which there are not as many reports as were received."""
    there = connection.execute(select(func.count()).select_from(REPORTS)).scalar_one()
    counts = connection.execute(select(FORMATS.c.received)).scalars().all()
    if len(counts) != 1:
        fault = f"is damaged (it says {len(counts)} times how many reports were received)"
        raise LedgerFailure(f"{name}: {fault}. {recovery(name)}")
    received = counts[0]
    if there != received:
        lost = f"{received} reports were received and {there} are there"
        raise LedgerFailure(f"{name}: {lost}. {recovery(name)}")


def _meaning(error: Exception, name: str) -> str:
    text = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
    if "locked" in text or "busy" in text or "lock timeout" in text:
        return f"others have been writing for {PATIENCE} seconds; nothing was stored, try again"
    if "malformed" in text or "not a database" in text or "Could not decode" in text:
        return f"is damaged ({text}). {recovery(name)}"
    if "full" in text or "disk I/O" in text or "space" in text:
        return f"the disk is full or fails ({text}); nothing was stored: make room and append again"
    if "readonly" in text:
        return "cannot be written: it or its folder is write-protected; nothing was stored"
    if isinstance(error, IntegrityError):
        return f"the database refused a row ({text}); nothing was stored"
    return f"{text}; nothing was stored"


def _connect_file(path: Path) -> Engine:
    if not os.path.lexists(path):
        _make_file(path)
    _check_header(path)
    with speaking(str(path)):
        set_aside_foreign(path)
    writable = can_write(path)
    small = path.stat().st_size <= CHECKED_BYTES
    if small:
        check_whole(path)
    opening, place = open_to_write if writable else open_to_read, path.absolute()
    engine = create_engine(
        "sqlite://",
        creator=lambda: opening(place),
        poolclass=QueuePool if writable else NullPool,
        execution_options={"read_only": not writable},
    )
    event.listen(engine, "begin", _begin)
    event.listen(engine, "commit", _end)
    try:
        if small:
            with reading(engine, str(path)) as connection:
                check_count(connection, str(path))
    except BaseException:
        engine.dispose()
        raise
    return engine


def _begin(connection: Connection) -> None:
    """Take the write lock first, so that nothing that was read can be out of date."""
    options = connection.get_execution_options()
    writes = options.get("writes", False)
    if writes and options.get("read_only", False):
        raise sqlite3.OperationalError("attempt to write a readonly database")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _end(connection: Connection) -> None:
    """Keep nothing that was read without locks while others wrote."""
    opened: object = connection.connection.dbapi_connection
    if isinstance(opened, LoneFile):
        opened.require_unchanged()


def _make_file(path: Path) -> None:
    """Make an empty ledger beside the path and link it there, so that nobody meets half of it."""
    try:
        draft = draft_beside(path)
        try:
            _fill_file(draft)
            path.hardlink_to(draft)
        except FileExistsError:
            return  # another process made it meanwhile
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise LedgerFailure(f"{path}: cannot be made: {error.strerror}") from None


def _fill_file(draft: Path) -> None:
    with speaking(str(draft)):
        engine = create_engine(URL.create("sqlite", database=str(draft)))
        with engine.begin() as connection:
            METADATA.create_all(connection)
            connection.execute(_format_of_new())
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION}")
            connection.exec_driver_sql(f"PRAGMA user_version = {FORMAT}")
        engine.dispose()
        with closing(sqlite3.connect(draft)) as plain:
            plain.execute("PRAGMA journal_mode = WAL")


def _format_of_new() -> Insert:
    name = uuid4().hex
    return insert(FORMATS).values(version=FORMAT, ledger=name, received=0, digest=name)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder outlast a crash, where the system can do that."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _check_header(path: Path) -> None:
    """Refuse what is no ledger, is newer or was cut off, before SQLite touches it."""
    try:
        if not (path.is_file() or path.is_dir()):  # reading a pipe would wait for a writer
            raise LedgerFailure(f"{path}: is no file, and no ledger")
        with path.open("rb") as file:
            header = file.read(100)
        size = path.stat().st_size
    except OSError as error:
        raise LedgerFailure(f"{path}: cannot be read: {error.strerror}") from None
    if len(header) < 100:
        fault = f"holds {size} bytes: cut off, or never a ledger"
        raise LedgerFailure(f"{path}: {fault}. {recovery(str(path))}")
    if not _is_ledger(header):
        fault = "is no ledger, or its first page is damaged"
        raise LedgerFailure(f"{path}: {fault}. {recovery(str(path))}")
    _check_version(str(path), int.from_bytes(header[60:64], "big"))
    page = {1: 65536}.get(stored := int.from_bytes(header[16:18], "big"), stored)
    pages = int.from_bytes(header[28:32], "big")
    if size < page * pages and not has_log(path):
        fault = f"was cut off at {size:,} of {page * pages:,} bytes"
        raise LedgerFailure(f"{path}: {fault}. {recovery(str(path))}")


def _check_version(name: str, version: int) -> None:
    if version == FORMAT:
        return
    found = f"has format {version}, and this version of the library knows format {FORMAT}"
    older = "export it with the version of the library that made it, and import that"
    advice = "upgrade the library" if version > FORMAT else older
    raise LedgerFailure(f"{name}: {found}: {advice}. Nothing was written to it")


def _connect_server(url: URL) -> Engine:
    name = name_of(url.render_as_string(hide_password=False))
    try:
        own = url.set(drivername="postgresql+psycopg")
        if "connect_timeout" not in own.query:
            own = own.update_query_dict({"connect_timeout": str(CONNECTING)})
        engine = create_engine(_without_secrets(own), connect_args=_secrets_of(own))
    except ModuleNotFoundError:
        message = "a PostgreSQL ledger needs psycopg: pip install 'forecast[postgres]'"
        raise InputError([Problem(name, message)]) from None
    try:
        with writing(engine, name) as connection:
            _make_tables(connection, name)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _secrets_of(url: URL) -> dict[str, str]:
    """Passwords of an address, by the name under which the server's library takes them."""
    given = {} if url.password is None else {"password": str(url.password)}
    return given | {k: str(v) for k, v in url.query.items() if "pass" in k.lower()}


def _without_secrets(url: URL) -> URL:
    """An address that may be printed, whoever prints it."""
    rest = url.difference_update_query(_secrets_of(url))
    place = (rest.drivername, rest.username, None, rest.host, rest.port, rest.database)
    return URL.create(*place, query=rest.query)


def _make_tables(connection: Connection, name: str) -> None:
    there = set(inspect(connection).get_table_names()) & set(METADATA.tables)
    if not there:
        METADATA.create_all(connection)
        connection.execute(_format_of_new())
    elif there != set(METADATA.tables):
        fault = f"has a table {', '.join(sorted(there))!r} that is no ledger's"
        raise LedgerFailure(f"{name}: {fault}; use a database or a schema of its own")
    _check_version(name, connection.execute(select(FORMATS.c.version)).scalar_one())
