"""OSCQuery: what there is to control, asked by HTTP and followed by WebSocket, on the number of OSC's port.

`namespace` puts the address space into the proposal's words, `answer` answers a request, `guard` says who may ask,
`client` is one WebSocket, `followers` are all of them, `server` runs them in a thread of its own, `advertise` tells the
network.
"""
