"""What the REPL does by a word. Each first line of a docstring is what help and completion say."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from types import MethodType
from typing import TYPE_CHECKING, Any

from graphflow.control.live.handles import Recipe, Words, adopt, end_of, node_of
from graphflow.control.live.happening import Happening, Sleep
from graphflow.control.live.plain import plain
from graphflow.control.live.question import answer, overview
from graphflow.control.live.shown import differences
from graphflow.control.live.spans import BEAT, Span, span
from graphflow.control.live.words import Scene
from graphflow.control.midi.desk import forget, learn
from graphflow.core.errors import UserError
from graphflow.core.merge import merge
from graphflow.core.midi import ACTIONS
from graphflow.core.names import instead, shown
from graphflow.core.patch import ENGINE
from graphflow.session.history import Way
from graphflow.session.home import Home

if TYPE_CHECKING:
    from graphflow.control.live.stage import Stage


class Verbs:
    """The verbs of one stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._session = stage.session

    def _words(self) -> dict[str, Callable[..., Any]]:
        """All verbs by their words."""
        return {name: getattr(self, name) for name in vars(type(self)) if not name.startswith("_")}

    def _now(self, act: Callable[[], Any]) -> None:
        """Do it at once: it is no part of the entry. In an event, when its frame has come."""
        draft = self._stage.draft()
        if draft.frame is None:
            self._session.call(act)
        else:
            self._stage.events.later(draft.frame, "event", act)

    # --- time ---------------------------------------------------------------------------------------------------------

    def every(self, length: Any, do: Callable[[], Any], *, name: str | None = None) -> Happening:
        """every(4 * beat, f): do something again and again, on its exact frame. The same name again replaces it."""
        return self._stage.events.every(length, do, name)

    def after(self, length: Any, do: Callable[[], Any], *, name: str | None = None) -> Happening:
        """after(2 * bar, f): do something once, so much later."""
        return self._stage.events.after(length, do, name)

    def loop(self, do: Any = None, *, name: str | None = None) -> Any:
        """@loop over `async def drums(): ... await sleep(1 * beat)`: round and round; @loop(bar) begins on a bar."""
        if isinstance(do, Span) or do is None:
            grid = do if do is not None else BEAT
            return lambda function: self._stage.events.loop(function, grid, name)
        return self._stage.events.loop(do, BEAT, name)

    def sleep(self, length: Any) -> Sleep:
        """await sleep(1 * beat): in a loop, wait; it counts from where the loop was meant to be, so nothing drifts."""
        return Sleep(span(length))

    def stop(self, *events: Any) -> None:
        """stop(drums), stop("drums"): end what happens by itself; stop() ends everything that does."""
        known = self._stage.events.named
        for event in events:
            name = event.name if isinstance(event, Happening) else event
            if name not in known and not isinstance(event, Happening):
                raise UserError(f"nothing that happens is called {name!r}{instead(str(name), known)}")
        chosen = [e if isinstance(e, Happening) else known[e] for e in events] if events else list(known.values())
        for happening in chosen:
            happening.stop()

    def at(self, quant: Any = None, *, fade: float | None = None) -> None:
        """at("bar", fade=500): when this entry takes effect, and over how many ms; for this entry alone."""
        draft = self._stage.draft()
        if quant is not None:
            draft.quant = grid(quant, self._stage)
        if fade is not None:
            try:
                draft.fade = float(ENGINE["fade"].parse(plain(fade)))
            except ValueError as error:
                raise UserError(f"fade {error}") from error

    # --- wires --------------------------------------------------------------------------------------------------------

    def cut(self, source: Any, dest: Any = None) -> None:
        """cut(a, b), cut(a, b.port): take out the wires between them; cut(a): all wires of a."""
        draft = self._stage.draft()
        if dest is None:
            draft.cut_off(end_of(source))
        else:
            draft.cut(end_of(source), end_of(dest))

    def insert(self, node: Any, source: Any, dest: Any) -> None:
        """insert(hall, band, out): put a node into every direct wire between two others."""
        draft = self._stage.draft()
        if isinstance(node, Recipe) and not node._name:
            adopt(draft, node, draft.name_for(node._kind))
        draft.insert(node_of(node), node_of(source), node_of(dest))

    def rename(self, node: Any, name: str) -> None:
        """rename(hall, "cave"): call a node otherwise, in wires, scenes and macros too; it starts anew, with a fade."""
        self._stage.draft().rename(node_of(node), plain(name))

    # --- at once ------------------------------------------------------------------------------------------------------

    def scene(self, name: Any, length: Any = 0.0) -> None:
        """scene("night"): set what a scene says, at once or, scene("night", 8), gliding there."""
        self.morph(name, length)

    def morph(self, values: Any, length: Any) -> None:
        """morph("night", 8), morph({"hall.mix": 0.5}, 2 * bar): glide to a scene or to values, at once."""
        seconds = span(length).in_seconds(self._session.transport)
        if seconds < 0.0:
            raise UserError(f"{span(length)} is too short; expected 0 s or more")
        if isinstance(values, Mapping):
            goals = plain(dict(values))
            self._now(lambda: self._session.morph(goals, seconds, meant=True))
        elif isinstance(values, Scene):
            self._now(lambda: self._session.morph(values.values, seconds))
        elif isinstance(values, str):
            name = plain(values)
            self._now(lambda: self._session.scene(name, seconds))
        else:
            raise UserError(f"{shown(values)} is no scene; expected its name, or values by param")

    def macro(self, name: str, value: float) -> None:
        """macro("warmth", 0.4): move a macro, at once."""
        self._now(lambda: self._session.macro(plain(name), plain(value)))

    def store(self, name: str, *params: Any) -> None:
        """store("night"): write what plays into the patch as a scene; store("night", hall.mix): these params alone."""
        paths = [_path(param) for param in params] or None
        stored = self._session.call(lambda: self._session.store_scene(plain(name), paths))
        self._stage.draft().notes.append(f"{plain(name)} holds {', '.join(stored) or 'nothing'}")

    def learn(self, what: Any, *, relative: str = "", takeover: str = "pickup") -> None:
        """learn(hall.mix), learn("warmth"), learn("hush"): the MIDI control that is turned or pressed next does it."""
        target, options = _path(what), {"relative": plain(relative), "takeover": plain(takeover)}
        line = self._session.call(lambda: learn(self._session, target, **options))
        self._stage.draft().notes.append(line)

    def forget(self, what: Any) -> None:
        """forget(hall.mix): no MIDI control moves this any more."""
        target = _path(what)
        self._stage.draft().notes.append(self._session.call(lambda: forget(self._session, target)))

    def solo(self, *nodes: Any) -> None:
        """solo(band): hear only what leads to or comes from these nodes, at once; solo() ends it."""
        names = [node_of(node) for node in nodes]
        self._now(lambda: self._session.solo(*names))

    def mute(self, *nodes: Any) -> None:
        """mute(band): let its sound go nowhere, at once; mute(band, False) lets it through again."""
        on = not (nodes and nodes[-1] is False)
        names = [node_of(node) for node in nodes if not isinstance(node, bool)]
        if not names and on:
            raise UserError(f"mute(node) mutes it; muted now: {', '.join(sorted(self._session.muted)) or 'none'}")
        chosen = names or list(self._session.muted)
        self._now(lambda: self._session.mute(*chosen, on=on))

    def hush(self, yes: bool = True) -> None:
        """hush(): fade everything out, at once; hush(False) lets it come back."""
        self._now(lambda: self._session.hush(bool(yes)))

    def panic(self, yes: bool = True) -> None:
        """panic(): silence now; hush(False) ends it."""
        self._now(self._session.panic if yes else lambda: self._session.hush(False))

    # --- back and on --------------------------------------------------------------------------------------------------

    def undo(self, edits: int = 1) -> None:
        """undo(), undo(3): take back the last edits; what others have changed since stays."""
        self._steps("back", edits)

    def redo(self, edits: int = 1) -> None:
        """redo(): do again what was taken back."""
        self._steps("again", edits)

    def _steps(self, step: Way, edits: int) -> None:
        draft, word, number = self._stage.draft(), "undo" if step == "back" else "redo", plain(edits)
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise UserError(f"{word}({shown(number)}): expected how many edits, 1 or more")
        if 0 < (there := draft.steps_left(step)) < number:
            raise UserError(f"{word}({number}): there are only {there}; {word}({there}) takes them all")
        for _ in range(number):
            before, after = draft.step(step)
            draft.notes += differences(before, after)

    # --- files --------------------------------------------------------------------------------------------------------

    def save(self, name: str | None = None, *, all: bool = False, over: bool = False) -> None:
        """save(), save("evening"): write what is meant into the file; all=True: also what controllers have left."""
        draft = self._stage.draft()
        files = draft.files
        path = files.target(None if name is None else plain(name), over)
        self._stage.namespace.collect(draft)
        if all:
            left = self._session.call(self._session.with_values_left)
            self._take_in(merge(draft.base, draft.patch, left)[0])
        now = files.changed_meanwhile(path)
        if now is not None:
            self._take_in(files.brought_together(now, path, draft.patch))
            draft.notes.append(f"{path.name} was changed meanwhile; both changes are in it now")
        files.save(path, draft.patch, now)
        draft.then.append(lambda: draft.notes.append(f"saved {path.name}"))

    def _take_in(self, patch: Any) -> None:
        draft = self._stage.draft()
        if patch != draft.patch:
            draft.become(patch)

    def load(self, name: str | None = None) -> None:
        """load("evening"): go over to the patch of a file; nodes of the same name play on. load(): to its own again."""
        draft = self._stage.draft()
        path, text, patch = draft.files.load(None if name is None else plain(name))
        draft.put(patch)
        draft.settle(Home(path.resolve().parent, path, text))
        draft.then.append(lambda: draft.notes.append(f"{patch.title or path.stem} plays"))

    def diff(self) -> None:
        """diff(): what differs from the file, and what controllers have left."""
        draft = self._stage.draft()
        files = draft.files
        lines = differences(files.patch, draft.patch)
        draft.notes += lines or ["nothing differs from the file" if files.path else "nothing is in the patch yet"]
        left = differences(self._session.patch, self._session.call(self._session.with_values_left))
        draft.notes += [f"{line} (left by controllers; save(all=True) writes it)" for line in left]

    # --- words --------------------------------------------------------------------------------------------------------

    def help(self, what: Any = None) -> None:
        """help(hall), hall?: what it is, its params with unit, range and value, and its wires."""
        stage = self._stage
        text = overview(stage) if what is None else answer(stage, what)
        stage.draft().notes += text.splitlines()

    def traceback(self) -> None:
        """traceback(): where the last error came from, in full."""
        self._stage.draft().notes += (self._stage.traceback() or "nothing went wrong yet").splitlines()

    def events(self) -> None:
        """events(): what happens by itself."""
        self._stage.draft().notes += str(self._stage.events).splitlines()

    def quit(self) -> None:
        """quit(): fade out and end; at a prompt that is attached, leave it, as Ctrl-D does."""
        self._stage.draft().then.append(self._stage.stopping)

    exit = quit

    def print(self, *values: Any, sep: str = " ", end: str = "\n", file: Any = None, flush: bool = False) -> None:
        """print(x): tell everybody who looks at this stage."""
        if file is not None:
            builtins.print(*values, sep=sep, end=end, file=file, flush=flush)
            return
        for line in (sep.join(map(str, values)) + end).removesuffix("\n").split("\n"):
            self._stage.tell(line)


def grid(quant: Any, stage: Stage) -> str | float:
    """What an edit waits for: now, beat, bar, a number of beats, or a span of them. Raises UserError."""
    value = quant if isinstance(quant, Span) else plain(quant)
    if isinstance(value, Span):
        if value.seconds or not value.counts_beats:
            raise UserError(f'quant is {value}; expected "now", "beat", "bar" or a number of beats')
        value = value.in_beats(stage.session.transport)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not 0.0 < value <= 1024.0:
            raise UserError(f"quant is {value:g} beats; expected above 0 to 1024")
        return float(value)
    try:
        return str(ENGINE["quant"].parse(value))
    except ValueError as error:
        raise UserError(f"quant {error}, or a number of beats") from error


def _path(what: Any) -> str:
    """`hall.mix` for a param, or the name of a macro, scene or action. Raises UserError."""
    if isinstance(what, MethodType) and what.__name__ in ACTIONS:  # hush, transport.play
        return what.__name__
    return plain(what) if isinstance(what, str) and not isinstance(what, Words) else str(end_of(what))
