"""Where Alembic runs: on the connection that `migrate()` gives, or, by hand, on the database of the settings."""

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

import service.tables  # noqa: F401  (the import fills SQLModel.metadata)

connection = context.config.attributes.get("connection")


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        # SQLite can undo a CREATE TABLE as well: the caller's transaction holds the whole migration.
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    context.configure(
        dialect_name=context.get_x_argument(as_dictionary=True).get("dialect", "postgresql"),
        target_metadata=SQLModel.metadata,
        literal_binds=True,
    )
    context.run_migrations()
elif connection is not None:
    run(connection)
else:
    from service.database import create_database_engine, write_transaction
    from service.settings import load_settings

    with write_transaction(create_database_engine(load_settings())) as connection:
        run(connection)
