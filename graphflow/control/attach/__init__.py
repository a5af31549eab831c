"""A prompt at an engine that runs elsewhere on this computer: over a local socket, with file permissions as its lock.

`place` is where sockets lie, `peer` who is at the other end, `lines` and `requests` what is said, `server` the engine's
end with a `client` for each prompt, `remote` the prompt's end.
"""
