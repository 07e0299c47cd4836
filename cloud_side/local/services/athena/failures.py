"""Why a query fails, in Athena's words."""


class QueryError(Exception):
    """A query that fails; the message begins with Athena's name of the error, and names the thing."""


class CutOffError(Exception):
    """A query that is not to go on: it was cancelled, or its engine ends."""


def failure_of(error: Exception, database: str) -> QueryError:
    """Return what a refusal of SQLite is in Athena's words."""
    text = str(error)
    if text.startswith(("no such table: ", "unknown database ")) or "prohibited" in text:
        name = text.removeprefix("no such table: ")
        return QueryError(f"TABLE_NOT_FOUND: {name}: expected a table of the database {database}")
    if text == "not authorized":
        return QueryError(f"NOT_SUPPORTED: this engine only reads, and only the tables of the database {database}")
    if text.startswith("no such column: "):
        name = text.removeprefix("no such column: ")
        return QueryError(f"COLUMN_NOT_FOUND: Column '{name}' cannot be resolved")
    for prefix in ("no such function: ", "not authorized to use function: "):
        if text.startswith(prefix):
            return QueryError(f"FUNCTION_NOT_FOUND: {text.removeprefix(prefix)}: not there on this engine")
    return QueryError(f"SYNTAX_ERROR: {text}")
