"""MIDI: keyboards play, knobs turn params, clocks are followed and given. An extra: mido and python-rtmidi.

Its parts: `ports` (what is plugged in, and comes and goes), `rtmidi_ports` (the same by way of python-rtmidi),
`decode` (bytes to messages and back), `clock` (beats from ticks and ticks from beats), `knobs` (where a control
stands), `maps` (what it turns), `learn` and `lessons` (mapping by turning), `service` (all of it beside a session),
`desk` (how other faces reach it).
"""
