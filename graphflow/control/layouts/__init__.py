"""Ready controllers from any patch: TouchOSC, Max and Pure Data, all from what the nodes declare.

`sheet` says which controls there are and how they belong together; `touchosc`, `maxpat` and `pd` draw them. The same
patch gives the same bytes.
"""
