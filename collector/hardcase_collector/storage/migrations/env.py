"""What Alembic runs: migrates the connection that the program hands it. Loaded by Alembic, imported by nobody."""

from __future__ import annotations

from alembic import context

from hardcase_collector.storage.state.models import Model

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Model.metadata,
    # SQLite cannot alter most things in place; batch mode copies the table instead.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
