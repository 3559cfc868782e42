"""Facts with two times, when they hold and when they became known: tables, versions, and the view of any past day."""
