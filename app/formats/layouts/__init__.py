"""The layouts of columns: our own, ACLED's, UCDP's."""
