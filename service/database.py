"""The database: one engine per process, transactions that are on disk when they end, and the migrations."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, Select, Table, create_engine, event, insert, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler

from features.errors import ConfigError, LedgerError
from service.private_files import close_to_everybody, keep_private, make_private_folder
from service.settings import Settings

# SQLite's default for secure_delete leaves deleted bytes in free pages: an erased payload must be overwritten.
SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
# Any number, the same in every process: the writers' lock of PostgreSQL.
WRITERS_LOCK = 7_046_029_254_386_353


def create_database_engine(settings: Settings) -> Engine:
    """Return an engine for `settings.database_url`; SQLite's file is made where there is none, for its owner alone.

    Raises
    ------
    ConfigError
        The address is none, or its driver is not installed.
    LedgerError
        SQLite's file cannot be made, or is another user's and open to everybody.
    """
    arguments: dict[str, Any] = {}
    try:
        url = make_url(settings.database_url)
        sqlite = url.get_backend_name() == "sqlite"
        if sqlite:
            if not url.database or url.database == ":memory:":
                raise ConfigError("VARHAIN_DATABASE_URL: the ledger needs a file, as in sqlite:////srv/varhain.sqlite")
            _keep_private(Path(url.database))
            arguments["connect_args"] = {"timeout": settings.database_wait_seconds}
        # hide_parameters: a message of the database must not repeat a value.
        engine = create_engine(url, hide_parameters=True, pool_size=8, max_overflow=32, pool_timeout=5, **arguments)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigError(
            f"VARHAIN_DATABASE_URL cannot be used ({type(error).__name__}): it should read like "
            "sqlite:////srv/varhain.sqlite or postgresql+psycopg://user@host/varhain, with that driver installed"
        ) from None
    if sqlite:
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _keep_private(file: Path) -> None:
    """Close the database to everybody but its owner; what SQLite writes beside it gets the mode of the file itself."""
    make_private_folder(file.parent)
    keep_private(file)
    for ending in ("-wal", "-shm"):
        close_to_everybody(file.with_name(file.name + ending))


def _set_pragmas(connection: Any, _record: object) -> None:
    # Python's sqlite3 would begin transactions by itself, and late; `_begin_sqlite` does it instead.
    connection.isolation_level = None
    for pragma in SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A reading transaction that turns to writing fails if somebody wrote in between: writers take the lock first.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """Give a connection on which nobody else writes until the block ends; then everything is on disk, or nothing.

    Raises
    ------
    LedgerError
        The database is locked, full, missing or not migrated; nothing of the block is kept.
    """
    with _sentences(engine), engine.connect() as connection:
        connection = connection.execution_options(writes=True)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                # The lock is held until the commit is done, so entries are chained in the order of commits.
                connection.execute(
                    text("SELECT set_config('synchronous_commit', 'on', true), pg_advisory_xact_lock(:lock)"),
                    {"lock": WRITERS_LOCK},
                )
            yield connection


def single_row(engine: Engine, statement: Select[*tuple[Any, ...]], **parameters: Any) -> tuple[Any, ...] | None:
    """The first row of one SELECT of texts and numbers, which sees one state of the database by itself.

    Straight through the driver, as the next two: a transaction around one lookup by key took seven times as long
    (SQLAlchemy 2.1).

    Raises
    ------
    LedgerError
        The database cannot be read.
    """
    with _sentences(engine), closing(engine.raw_connection()) as connection:
        return _first(connection, engine.dialect, statement, parameters)


def first_row(connection: Connection, statement: Select[*tuple[Any, ...]]) -> tuple[Any, ...] | None:
    """The first row of a SELECT of texts and numbers, within a transaction of this module."""
    return _first(connection.connection, connection.dialect, statement, {})


def _first(
    connection: PoolProxiedConnection,
    dialect: Dialect,
    statement: Select[*tuple[Any, ...]],
    parameters: Mapping[str, Any],
) -> tuple[Any, ...] | None:
    compiled = _compiled(statement, dialect)
    values: Any = compiled.construct_params(parameters)
    if compiled.positiontup is not None:
        values = tuple(values[name] for name in compiled.positiontup)
    with closing(connection.cursor()) as cursor:
        cursor.execute(compiled.string, values)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def add_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of texts, bytes and numbers, each with a value for every column, within `write_transaction`."""
    compiled = _compiled_insert(table, connection.dialect)
    values: Any = rows if compiled.positiontup is None else [[row[n] for n in compiled.positiontup] for row in rows]
    with closing(connection.connection.cursor()) as cursor:
        cursor.executemany(compiled.string, values)


@lru_cache(maxsize=16)
def _compiled_insert(table: Table, dialect: Dialect) -> SQLCompiler:
    compiled = insert(table).compile(dialect=dialect, column_keys=[column.name for column in table.columns])
    assert isinstance(compiled, SQLCompiler)
    return compiled


@lru_cache(maxsize=16)
def _compiled(statement: Select[*tuple[Any, ...]], dialect: Dialect) -> SQLCompiler:
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    return compiled


@contextmanager
def read_transaction(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one state of the database until the block ends."""
    with _sentences(engine), engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


def empty_write_ahead_file(engine: Engine) -> bool:
    """Return whether SQLite's write-ahead file was emptied, which holds copies of pages since overwritten.

    False while another transaction still reads an older state, and for other databases: PostgreSQL keeps deleted rows
    until its own vacuum, and its write-ahead files until they are reused.
    """
    if engine.dialect.name != "sqlite":
        return False
    with _sentences(engine), engine.connect() as connection:
        # Outside a transaction: SQLite refuses a checkpoint within one.
        raw = connection.connection.driver_connection
        assert raw is not None
        busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


def migrate_existing(settings: Settings) -> None:
    """Bring an existing database to this version's tables.

    Raises
    ------
    LedgerError
        There is none. A command that reads or erases must not make an empty one in the wrong folder and report on that.
    """
    file = make_url(settings.database_url).database
    if settings.database_url.startswith("sqlite") and file and not Path(file).exists():
        raise LedgerError(
            f"there is no installation in {settings.home}: run this where its folder lies, or set VARHAIN_HOME"
        )
    migrate(settings)


def migrate(settings: Settings) -> None:
    """Bring the database to this version's tables; does nothing if it is there already.

    One transaction under the writers' lock: a kill leaves the old tables, and of two processes that start at once the
    second finds the work done. It does not depend on the current directory.

    Raises
    ------
    LedgerError
        The database belongs to a newer version of Varhain, or cannot be written.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    configuration = Config(Path(__file__).with_name("alembic.ini"))
    engine = create_database_engine(settings)
    try:
        with write_transaction(engine) as connection:
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, "head")
    except CommandError as error:
        raise LedgerError(
            "the database was migrated by a newer version of Varhain: install that version, or restore the database "
            "from before the upgrade"
        ) from error
    finally:
        engine.dispose()


@contextmanager
def _sentences(engine: Engine) -> Iterator[None]:
    """Turn what a database says into one sentence that a person can act on."""
    driver = engine.dialect.loaded_dbapi
    try:
        yield
    except PoolTimeoutError as error:
        raise LedgerError("the ledger has no free connection: nothing was recorded, try again") from error
    except DBAPIError as error:
        raise LedgerError(_sentence(error.orig or error)) from error
    except driver.Error as error:  # from what runs below SQLAlchemy
        raise LedgerError(_sentence(error)) from error


def _sentence(error: BaseException) -> str:
    said = str(error).lower()
    if "locked" in said or "busy" in said:
        return "the ledger is held by another process: nothing was recorded, try again"
    if "full" in said or "no space" in said:
        return "the disk of the ledger is full: nothing was recorded, free some space and try again"
    if "readonly" in said or "read-only" in said:
        return "the ledger may not be written by this user: nothing was recorded, give write access to its folder"
    if "no such table" in said or "does not exist" in said:
        return "the database has no ledger yet: `varhain key create` and `varhain up` make it"
    if "not a database" in said or "malformed" in said:
        return "the database file is damaged: nothing was recorded, restore it from the backup and verify the ledger"
    if type(error).__name__ == "OperationalError":
        return "the database cannot be reached or written: nothing was recorded, see whether it runs and has space"
    return f"the ledger refused the change ({type(error).__name__}): nothing was recorded"
