"""The session: it owns patch, engine and workers, and every change goes through it as a transaction.

Its parts: `session` (the patch that plays), `own_thread` (the way in from other threads), `parts` (what plays for each
node), `values` (params: now, later, on their way), `macros`, `scenes` and `prompts` (what moves them, and words for
generators), `troubles` (what goes wrong, in a line), `history` (what can be taken back), `flow` (what control nodes and
generators hear), `control_loop` (runs control nodes), `messages` (what is heard), `transport` (bars and beats on the
frame count), `sound_files` and `tapes` (what is read from and written to disk), `live` (a performance), `output` and
`clock` (sound card, null clock or file), `offline` (render), `reload` (follows what is saved: `watch` notices it,
`patch_file` and `node_files` take it up).
"""

from graphflow.session.session import Session, SessionStatistics

__all__ = ["Session", "SessionStatistics"]
