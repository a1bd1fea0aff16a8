"""A stand-in for SQL Server: it speaks TDS, and runs T-SQL on a real PostgreSQL.

SQL Server itself cannot be had where our tests run. With this, Microsoft's real ODBC driver and the real dbt-sqlserver
connect to a server, log in over TLS, send T-SQL and get SQL Server's types and error numbers back. PostgreSQL behind it
makes transactions with DDL, locks and their timeouts, deadlocks, permissions and what a kill leaves real ones.

What it does not prove:
- that SQL Server accepts a statement. sqlglot parses T-SQL more kindly, and PostgreSQL may know what T-SQL does not.
- plans, speed, memory, tempdb, log growth, columnstore, the limits of an edition.
- SQL Server's own locking: readers here never wait for writers (as with READ_COMMITTED_SNAPSHOT), lock hints are ignored
  but for UPDLOCK and TABLOCKX, and what is locked by DDL is what PostgreSQL locks.
- its collation: text compares by code point, not without case; only LIKE and the names of objects and columns ignore case.
- the digits of a decimal quotient or average, implicit conversions in all their cases, the text of every error.
- permissions beyond objects, schemas and roles: DENY is only written down, ownership chains do not break.
- that a reader's transaction lets go of a table after each statement: PostgreSQL keeps the name locked until it ends.
- procedures, functions and triggers of one's own, cursors, table variables, computed columns, MARS, synonyms, XML, distributed transactions.
"""

from __future__ import annotations

from tsql_server.running import Running, running

__all__ = ["Running", "running"]
