//! The event journal and its projections, SQLite and PostgreSQL.
