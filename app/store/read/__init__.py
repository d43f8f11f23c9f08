"""Reading: a query becomes a SELECT, and its rows become JSON texts."""
