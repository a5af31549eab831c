"""MIDI: keyboards play, knobs turn params, clocks are followed and given. An extra: mido and python-rtmidi.

Its parts: `ports` (what is plugged in, and comes and goes), `rtmidi_ports` (by way of python-rtmidi), `decode` (bytes
to messages), `clock` (beats from ticks), `maps` and `learn` (which knob turns what), `service` (all of it beside a
session).
"""
