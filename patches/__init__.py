"""Example patches; every one plays, and `graphflow play 01-first-light` finds them by name.

The picture, the drum loop and the tune beside them were made for graphflow, by programs, and are free to use like the
rest.
"""
