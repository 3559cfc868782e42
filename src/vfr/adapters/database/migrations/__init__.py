"""Every change of the tables, in order; `vfr.adapters.database.migrate` applies them."""
