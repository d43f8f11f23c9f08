"""The database itself: connections, transactions, readers. The only place that knows a driver."""
