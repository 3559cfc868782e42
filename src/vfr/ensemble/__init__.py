"""Several predictions -> one."""
