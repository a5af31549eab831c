"""First Light as a worker plays it: one 16th note per step."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from graphflow.models.first_light import form, style
from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.chance import uniform
from graphflow.models.first_light.clock import Clock
from graphflow.models.first_light.composer import pick_mode
from graphflow.models.first_light.controls import Controls, read
from graphflow.models.first_light.encoder import Encoder
from graphflow.models.first_light.genres import SPECS
from graphflow.models.first_light.intent import Intent, Interpreter
from graphflow.models.first_light.performer import Performer, Touch
from graphflow.models.first_light.renderer import Event, Hit, NoteOff, NoteOn, Renderer
from graphflow.models.first_light.sound import Sound, sound
from graphflow.models.first_light.writer import Wish, Writer, engine, load_weights

RATE = 48000
_KEY_DRAW, _MODE_DRAW, _PLAN_DRAW = 101, 102, 103  # which dice


@dataclass(frozen=True)
class Statistics:
    """How the generator is doing and what it understood."""

    steps: int
    chunk: int  # frames of the last chunk
    rtf: float  # seconds of audio made per second of computing, over the last steps; above 1 is faster than real time
    bpm: float
    key: str
    mode: str
    section: str
    bar: int  # in the 16-bar phrase, from 0
    style: str
    familiarity: float  # 0 to 1: how well the prompts' words are known
    unknown: tuple[str, ...]  # words that were left aside
    ignored: int  # entries of the last state that were not understood
    device: str


@dataclass
class _Now:
    """What the generator carries from step to step besides the network, the renderer and the clock."""

    steps: int = 0
    count: int = 0  # steps since the seed was set
    seed: int = 1
    phrase: int = -1
    plan: tuple[int, ...] = (form.MAIN,) * 4
    mode: str = "minor"
    mode_for: str = ""  # what the mode was chosen for
    key: str = "C"
    shift: int = 0
    off: tuple[bool, ...] = (False,) * 4
    first_phrase: int = 0


class Generator:
    """Composes and plays. `set` what is wanted at any time, `step` for the next 16th note."""

    rate = RATE
    channels = 2
    latency = 0

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.device = settings.get("device", "auto")
        self.writer = Writer(engine(self.device, load_weights()))
        self.interpreter = Interpreter(Encoder.load())
        self.renderer = Renderer(RATE)
        self.performer = Performer()
        self.clock = Clock(RATE)
        self.now = _Now()
        self.state: dict[str, Any] = {}
        self.controls, self.ignored = Controls(), 0
        if "seed" in settings:
            if not settings["seed"].lstrip("-").isdecimal():
                raise ValueError(f"first_light.seed is {settings['seed']}; expected a whole number")
            self.state = {"params": {"seed": int(settings["seed"])}}
        self.intent = self.interpreter.read(self.controls)
        self.pending: dict[str, Any] | None = self.state
        self.chunk, self.spent, self.made = 0, 0.0, 0.0
        self.notes: list[NoteOn | NoteOff | Hit] = []  # of the last chunk
        self._sounds: tuple[tuple[bytes, float], Sound] | None = None

    def set(self, state: Mapping[str, Any]) -> None:
        """Everything that is wanted, as plain data; the latest wins, from the next step on."""
        self.pending = json.loads(json.dumps(state, default=str))

    def step(self, frame: int) -> npt.NDArray[np.float32]:
        """The next chunk, [2, frames] float32, whose first frame lies at `frame` (at 48 kHz)."""
        began = time.perf_counter()
        self._latch()
        controls, intent, now = self.controls, self.intent, self.now
        follow = controls.transport if not controls.tempo else None
        tempo = controls.tempo or (follow.tempo if follow else 0.0) or intent.tempo
        tick = self.clock.tick(frame, tempo, follow)
        per_bar = 4 * controls.beats_per_bar
        bar, step = divmod(tick.step, per_bar)
        self._turn(bar, step, intent)
        events: list[Event] = []
        key = self._key(intent)
        if key != now.key or now.steps == 0:
            now.key, now.shift = key, sy.transposition(key)
            for part in ("bass", "chord", "arp", "lead"):
                events += self.performer.release(part)
        off = tuple(not controls.switches[part] or part in intent.off for part in sy.PARTS)
        for part, is_off, was_off in zip(sy.PARTS, off, now.off, strict=True):
            if is_off and not was_off:
                self._hush(part)
        now.off = off
        moment = form.moment(bar % form.BARS_PER_PHRASE, step, now.plan, per_bar)
        written = self.writer.write(
            Wish(
                replace(moment, step=step % form.STEPS_PER_BAR),
                now.mode,
                intent.score,
                intent.density,
                off,
                intent.strict,
                controls.temperature,
                controls.guidance,
                now.seed,
                now.count,
            )
        )
        heard = self._sound(intent)
        swing = (heard.swing, heard.swing_eighths) if controls.swing < 0.0 else (controls.swing, 0.0)
        touch = Touch(tick.length, step, swing[0], swing[1], heard.loose, now.shift, now.count, RATE)
        wait = int(tick.wait)
        played = self.performer.play(written, touch)
        self.notes = [*events, *(replace(e, offset=min(e.offset + wait, tick.frames - 1)) for e in played)]
        self.renderer.use(heard, 3.0 * tick.length)
        audio = self.renderer.render(tick.frames, self.notes)
        now.steps += 1
        now.count += 1
        self.chunk = tick.frames
        self.spent = 0.95 * self.spent + (time.perf_counter() - began)
        self.made = 0.95 * self.made + tick.frames / RATE
        return audio

    @property
    def stems(self) -> npt.NDArray[np.float32]:
        """Drums, bass, harmony and lead of the last chunk before room, tape and limiter, [4, 2, frames]."""
        return self.renderer.stems

    def _latch(self) -> None:
        if self.pending is None:
            return
        self.state, self.pending = self.pending, None
        self.controls, self.ignored = read(self.state)
        self.intent = self.interpreter.read(self.controls)
        if self.controls.seed != self.now.seed:
            self.now.seed, self.now.count = self.controls.seed, 0

    def _turn(self, bar: int, step: int, intent: Intent) -> None:
        """At the turns of the form: a plan for every phrase, a mode for every section."""
        now = self.now
        phrase = bar // form.BARS_PER_PHRASE
        genre = style.GENRES[int(np.argmax(intent.score[: len(style.GENRES)]))]
        if now.steps == 0:
            now.first_phrase = phrase
        if phrase != now.phrase:
            now.phrase = phrase
            now.plan = form.plan(phrase - now.first_phrase, genre, uniform(now.seed, phrase, _PLAN_DRAW))
        wanted = intent.mode or f"auto {now.seed}"
        opening = step == 0 and bar % form.BARS_PER_SECTION == 0
        if wanted != now.mode_for or (opening and not intent.mode):
            now.mode_for = wanted
            moods = dict(zip(style.MOODS, (float(w) for w in intent.score[len(style.GENRES) :]), strict=True))
            now.mode = intent.mode or pick_mode(SPECS[genre], moods, uniform(now.seed, _MODE_DRAW))

    def _key(self, intent: Intent) -> str:
        return intent.key or sy.NOTE_NAMES[int(uniform(self.now.seed, _KEY_DRAW) * 12)]

    def _hush(self, part: str) -> None:
        voices = {"harmony": ("chord", "arp")}.get(part, (part,))
        for voice in voices:
            if voice != "drums":
                self.performer.sounding[voice] = []
            self.renderer.silence(voice)

    def _sound(self, intent: Intent) -> Sound:
        asked = (intent.style.tobytes(), intent.brightness)
        if self._sounds is None or self._sounds[0] != asked:
            self._sounds = (asked, sound(intent.style, intent.brightness, RATE))
        return self._sounds[1]

    def snapshot(self) -> bytes:
        """Everything that sounds and is remembered; after `restore` the same audio continues to the sample."""
        facts = {
            "now": asdict(self.now),
            "clock": self.clock.facts(),
            "renderer": self.renderer.facts(),
            "performer": asdict(self.performer),
            "position": self.writer.engine.position,
            "state": self.state,
            "pending": self.pending,
        }
        file = io.BytesIO()
        text = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
        np.savez(file, facts=text, **self.writer.arrays(), **self.renderer.arrays())  # type: ignore[arg-type]
        return file.getvalue()

    def restore(self, data: bytes) -> None:
        """Go on from a snapshot."""
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        facts = json.loads(arrays.pop("facts").tobytes())
        self.state, self.pending = facts["state"], None
        self.controls, self.ignored = read(self.state)
        self.intent = self.interpreter.read(self.controls)
        self.pending = facts["pending"]
        now = facts["now"]
        self.now = _Now(**{**now, "plan": tuple(now["plan"]), "off": tuple(now["off"])})
        self.clock = Clock(**facts["clock"])
        self.writer.restore(arrays, facts["position"])
        self.renderer.restore(arrays, facts["renderer"])
        performer = facts["performer"]
        self.performer = Performer(tuple(performer["voicing"]), performer["sounding"])
        self._sounds = None

    def statistics(self) -> Statistics:
        bar = (self.clock.step - 1) // (4 * self.controls.beats_per_bar) % form.BARS_PER_PHRASE
        return Statistics(
            steps=self.now.steps,
            chunk=self.chunk,
            rtf=self.made / self.spent if self.spent else 0.0,
            bpm=self.clock.tempo,
            key=self.now.key,
            mode=self.now.mode,
            section=form.SECTIONS[self.now.plan[bar // form.BARS_PER_SECTION]],
            bar=bar,
            style=style.text(self.intent.style),
            familiarity=self.intent.familiarity,
            unknown=self.intent.unknown,
            ignored=self.ignored,
            device="cpu" if self.device == "auto" else self.device,
        )
