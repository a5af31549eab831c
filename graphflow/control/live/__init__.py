"""Live coding: the patch that plays, spoken to in Python.

`desk` is what any prompt needs; `repl` is the prompt in a terminal, `pipe` the one for scripts. The package `attach`
beside it reaches the same desk from another terminal.
"""
