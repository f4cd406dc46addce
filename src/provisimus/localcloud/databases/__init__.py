"""Database servers: PostgreSQL from this computer's packages, one server per DB instance.

`installed`, `settings`, `files`, `arguments`, `passwords` and `statements` decide and are pure but
for the first, which looks for programs; `servers` makes, starts, copies and ends. It knows
PostgreSQL and nothing of RDS: states, names and who may do what belong to ``hooks/databases``.
"""
