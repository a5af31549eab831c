"""Example patches; every one plays, and `graphflow play 01-first-light` finds them by name.

The picture and the drum loop beside them were made for graphflow, by programs, and are free to use like the rest.
"""
