"""The database: connections, transactions and readers. The only code that knows a driver."""
