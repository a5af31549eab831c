"""Live coding: the patch that plays, spoken to in Python.

`stage` takes what is typed: a cell works on a `draft` of the patch, which plays as a whole or not at all; `handles` are
what its names stand for, `verbs` what it can do, `events` what happens by itself.

`desk` is what any prompt needs; `repl` is the prompt in a terminal, `pipe` the one for scripts. The package `attach`
beside it reaches the same desk from another terminal.
"""
