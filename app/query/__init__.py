"""What can be asked: parameters, their values, and the query that they make."""
