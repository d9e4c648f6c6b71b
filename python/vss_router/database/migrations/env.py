"""What Alembic runs: the migrations over the connection that `upgrade` handed over."""

from alembic import context

from vss_router.database.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite does transactional DDL once the transaction was begun by hand, as `upgrade` does.
    transactional_ddl=True,
    # SQLite changes a column by copying the table.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
