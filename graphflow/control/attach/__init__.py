"""A prompt at an engine that runs elsewhere on this computer: over a local socket, with file permissions as its lock.

`place` is where sockets lie, `peer` who is at the other end, `lines` and `requests` what is said, `server` (with a `client`
for each prompt) the engine's end, `remote`
the prompt's.
"""
