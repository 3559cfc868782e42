"""One file per revision; the newest is named in `vfr.adapters.database.migrate`."""
