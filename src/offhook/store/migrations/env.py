"""Alembic's entry: online on the connection it is given (SQLite), or as SQL text (PostgreSQL).

PostgreSQL is reached through asyncpg alone, which Alembic cannot drive; so its migrations are plain
DDL that renders to SQL without asking the database anything (:mod:`offhook.store.migrate`).
"""

from alembic import context

from offhook.store.schema import metadata

if context.is_offline_mode():
    context.configure(
        dialect_name=context.config.attributes["dialect"],
        target_metadata=metadata,
        literal_binds=True,
        transaction_per_migration=True,
    )
else:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,
    )
with context.begin_transaction():
    context.run_migrations()
