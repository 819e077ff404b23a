"""The database: connections, transactions, pages, partitions, migrations. No word of the domain."""
