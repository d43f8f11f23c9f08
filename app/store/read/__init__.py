"""Reading: parameters become a SELECT, and its rows JSON texts."""
