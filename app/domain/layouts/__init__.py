"""Tables of incidents as others lay them out: one module a layout, which reads its rows and writes them back."""
