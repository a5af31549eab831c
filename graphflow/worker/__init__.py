"""Other processes: the host loop, the session's end of it, supervision."""
