from django.db import migrations

EXTENSION = "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm' AND (installed_version IS NOT NULL OR %s)"
INDEX = (
    'CREATE INDEX event_term_search ON adverse_events_adverseevent USING gin (UPPER("term"::text) gin_trgm_ops)'
)


def index_the_letters(apps, schema_editor):
    """PostgreSQL searches inside a term by an index of three letters at a time; where the extension is not at hand, or
    this role may not install it, it reads the table. SQLite always does."""
    connection = schema_editor.connection
    if connection.vendor != 'postgresql':
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_database_privilege(current_database(), 'CREATE')")
        [may_install] = cursor.fetchone()
        cursor.execute(EXTENSION, [may_install])
        if cursor.fetchone() is None:
            return
        cursor.execute('CREATE EXTENSION IF NOT EXISTS pg_trgm')
        cursor.execute(INDEX)


def drop_the_index(apps, schema_editor):
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute('DROP INDEX IF EXISTS event_term_search')


class Migration(migrations.Migration):

    dependencies = [
        ('adverse_events', '0001_initial'),
    ]

    operations = [migrations.RunPython(index_the_letters, drop_the_index)]
