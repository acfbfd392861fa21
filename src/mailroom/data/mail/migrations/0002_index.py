"""The search index, which no model describes: FTS5 without content, or a tsvector with GIN."""

from django.db import migrations

_FTS5 = """CREATE VIRTUAL TABLE mail_index USING fts5(
    account, subject, sender, recipient, copy, body, file,
    content='', tokenize='unicode61 remove_diacritics 0')"""
_VECTOR = (
    """CREATE TABLE mail_index (message_id bigint PRIMARY KEY, account_id bigint NOT NULL, vector tsvector NOT NULL)""",
    "CREATE INDEX mail_index_vector ON mail_index USING gin (vector)",
)


def make(apps, schema_editor):
    statements = _VECTOR if schema_editor.connection.vendor == "postgresql" else (_FTS5,)
    for statement in statements:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE mail_index")


class Migration(migrations.Migration):
    dependencies = [("mail", "0001_initial")]
    operations = [migrations.RunPython(make, drop)]
