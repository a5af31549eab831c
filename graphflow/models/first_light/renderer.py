"""Plays notes and drum hits: the synth bank and the desk behind it, in stereo, chunk after chunk.

What comes out does not depend on how the time is cut into chunks. All times are frames.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphflow.models.first_light import desk, instruments, kernels, kits
from graphflow.models.first_light import kernels as k
from graphflow.models.first_light.chance import signed
from graphflow.models.first_light.sound import MELODIC, Sound

VOICES, HITS, SLOTS = 64, 32, 24
_PART = {"bass": k.BASS, "chord": k.CHORD, "arp": k.ARP, "lead": k.LEAD}


@dataclass(frozen=True)
class NoteOn:
    offset: int  # frames into the chunk
    part: str  # bass, chord, arp or lead
    note: int  # MIDI
    velocity: float  # 0 to 1
    pan: float = 0.0
    bright: float = 0.0  # octaves on the filter


@dataclass(frozen=True)
class NoteOff:
    offset: int
    part: str
    note: int = -1  # -1: all of the part


@dataclass(frozen=True)
class Hit:
    offset: int
    sound: str
    velocity: float
    pan: float = 0.0


Event = NoteOn | NoteOff | Hit


class Renderer:
    """The sound of First Light. `stems` holds drums, bass, harmony and lead of the last chunk, [4, 2, frames]."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.samples = kits.kept(rate)
        self.f = np.zeros((VOICES, k.VOICE_FIELDS))
        self.whole = np.zeros((VOICES, k.VOICE_INTS), dtype=np.int64)
        self.hit_f = np.zeros((HITS, k.HIT_FIELDS))
        self.hit_whole = np.zeros((HITS, k.HIT_INTS), dtype=np.int64)
        self.old, self.new = np.zeros(desk.DESK_FIELDS), np.zeros(desk.DESK_FIELDS)
        self.state = np.zeros(desk.DESK_STATE_SIZE)
        self.state[desk.LIMIT] = 1.0
        self.clock = np.array([1 << 20, 0x1234567], dtype=np.int64)  # position starts above every delay
        self.lines = np.zeros((desk.LINES, desk.LINE_SIZE), dtype=np.float32)
        self.diffuse = np.zeros((4, desk.DIFFUSE_SIZE), dtype=np.float32)
        self.pre = np.zeros((2, desk.PRE_SIZE), dtype=np.float32)
        self.echo = np.zeros((2, desk.ECHO_SIZE), dtype=np.float32)
        self.wow = np.zeros((2, desk.WOW_SIZE), dtype=np.float32)
        self.bright = np.zeros((k.PARTS, 3))
        self.tables = np.zeros((SLOTS, 2, instruments.MIPS, instruments.TABLE + 1), dtype=np.float32)
        self.slots: list[tuple[tuple[str, float], ...]] = [()] * SLOTS  # what each slot's waves are made of
        self.slot_of = dict.fromkeys(MELODIC, 0)
        self.patches = dict.fromkeys(MELODIC, instruments.Patch())
        self.kit: tuple[tuple[int, float], ...] = ((0, 1.0),)
        self.count = 0  # of events so far: takes turns and seeds noises
        self.fresh = True
        self.stems = np.zeros((4, 2, 0), dtype=np.float32)
        self._warm()

    def _warm(self) -> None:
        """Load or compile the loops now, on nothing, and not in the first chunk."""
        parts = np.zeros((k.PARTS, 2, 0), dtype=np.float32)
        none, pair = np.zeros(0, dtype=np.float32), np.zeros((2, 0), dtype=np.float32)
        kernels.voices(self.f[:0], self.whole[:0], self.tables, parts, 0, 0, self.bright, float(self.rate))
        kernels.hits(self.hit_f[:0], self.hit_whole[:0], self.samples.wave, parts, 0, 0)
        desk.mix_down(
            parts, none, self.old, self.new, self.state, self.clock, self.lines, self.diffuse, self.pre, self.echo,
            self.wow, np.zeros((4, 2, 0), dtype=np.float32), pair, float(self.rate),
        )  # fmt: skip

    def use(self, sound: Sound, echo: float) -> None:
        """Turn to a sound; levels glide over 20 ms, notes already sounding keep their instrument. echo in frames."""
        left = self.state[desk.RAMP_LEFT] / desk.RAMP_FRAMES
        wanted = sound.desk.copy()
        wanted[desk.ECHO_TIME] = min(echo, desk.ECHO_SIZE - 8.0)
        wanted[desk.PUMP_COEF] = math.exp(-1.0 / (0.30 * echo))  # back up within the beat
        if self.fresh:
            self.old, self.new = wanted.copy(), wanted
            self.state[desk.ECHO_NOW] = wanted[desk.ECHO_TIME]
        elif not np.array_equal(wanted, self.new):
            self.old = self.new + (self.old - self.new) * left
            self.new = wanted
            self.state[desk.RAMP_LEFT] = desk.RAMP_FRAMES
        for n, target in enumerate(sound.bright):
            now = self.bright[n, 0] + self.bright[n, 1] * self.bright[n, 2]
            if self.fresh:
                self.bright[n] = (target, 0.0, 0.0)
            elif target != self.bright[n, 0]:
                self.bright[n] = (target, (now - target) / desk.RAMP_FRAMES, desk.RAMP_FRAMES)
        self.kit = sound.kit
        self.fresh = False
        for part in MELODIC:
            shares = sound.weights[part]
            if self.slots[self.slot_of[part]] == shares:
                continue
            slot = self._slot(shares)
            if slot >= 0:
                self.slot_of[part] = slot
                self.patches[part] = instruments.mixture(dict(shares))

    def _slot(self, shares: tuple[tuple[str, float], ...]) -> int:
        """A slot with these waves; -1 when every slot still sounds (the part then keeps what it has)."""
        if shares in self.slots:
            return self.slots.index(shares)
        used = {int(s) for s in self.whole[self.whole[:, k.ACTIVE] == 1, k.SLOT]} | set(self.slot_of.values())
        free = [s for s in range(SLOTS) if s not in used or not self.slots[s]]
        if not free:
            return -1
        # an empty one first, else the one after the newest, so that blends that swing back find their waves
        slot = next((s for s in free if not self.slots[s]), free[self.count % len(free)])
        self.slots[slot] = shares
        self.tables[slot] = instruments.tables(dict(shares))
        return slot

    def render(self, frames: int, events: Sequence[Event] = ()) -> npt.NDArray[np.float32]:
        """The next frames of stereo, [2, frames] float32; events by their offsets, which must lie inside."""
        parts = np.zeros((k.PARTS, 2, frames), dtype=np.float32)
        kicks = np.zeros(frames, dtype=np.float32)
        at = 0
        for event in sorted(events, key=lambda e: e.offset):
            self._advance(parts, at, event.offset)
            at = max(at, event.offset)
            if isinstance(event, NoteOn):
                self._note_on(event)
            elif isinstance(event, NoteOff):
                self._note_off(event)
            else:
                self._hit(event)
                if event.sound == "kick":
                    kicks[at] = event.velocity
            self.count += 1
        self._advance(parts, at, frames)
        mix = np.empty((2, frames), dtype=np.float32)
        self.stems = np.empty((4, 2, frames), dtype=np.float32)
        desk.mix_down(
            parts, kicks, self.old, self.new, self.state, self.clock, self.lines, self.diffuse, self.pre, self.echo,
            self.wow, self.stems, mix, float(self.rate),
        )  # fmt: skip
        return mix

    def _advance(self, parts: npt.NDArray[np.float32], start: int, end: int) -> None:
        if end <= start:
            return
        kernels.voices(self.f, self.whole, self.tables, parts, start, end, self.bright, float(self.rate))
        kernels.hits(self.hit_f, self.hit_whole, self.samples.wave, parts, start, end)
        self.bright[:, 2] = np.maximum(0.0, self.bright[:, 2] - (end - start))

    def _note_on(self, event: NoteOn) -> None:
        idle = np.flatnonzero(self.whole[:, k.ACTIVE] == 0)
        if len(idle):
            n = int(idle[0])
        else:  # take the one that fades, else the oldest
            n = int(np.lexsort((-self.whole[:, k.AGE], -self.whole[:, k.STAGE]))[0])
        p = self.patches[event.part]
        freq = 440.0 * 2.0 ** ((event.note - 69) / 12.0)
        v = self.f[n]
        v[:] = 0.0
        rate = self.rate

        def per_frame(seconds: float) -> float:
            return 1.0 - math.exp(-1.0 / (max(seconds, 0.0005) * rate))

        def keep(seconds: float, every: int = 1) -> float:
            return math.exp(-every / (max(seconds, 0.0005) * rate))

        v[k.PHASE0] = 0.0
        v[k.PHASE1] = 0.5 + 0.5 * signed(self.count, 1)
        v[k.PHASE2] = 0.5 + 0.5 * signed(self.count, 2)
        v[k.INC] = freq / rate * 2.0 ** (0.02 * signed(self.count, 3) * min(1.0, p.detune / 3.0) / 12.0)
        v[k.G] = 0.1
        v[k.DETUNE] = 2.0 ** (p.detune / 1200.0)
        v[k.SPREAD] = p.spread
        v[k.GAIN] = 0.62 * p.level * event.velocity**1.3
        v[k.PAN] = event.pan
        v[k.ATTACK] = per_frame(p.attack / 1.6)
        v[k.DECAY] = per_frame(p.decay * 2.0 ** ((60 - event.note) / 36.0))
        v[k.SUSTAIN] = p.sustain
        v[k.RELEASE] = per_frame(p.release / 3.0)
        v[k.MORPH] = 1.0
        v[k.MORPH_COEF] = keep(p.morph, k.CONTROL)
        octaves = p.cutoff + p.feel * 1.6 * (event.velocity - 0.65) + event.bright
        v[k.CUTOFF] = freq**0.7 * 261.6**0.3 * 2.0**octaves
        v[k.SWEEP] = p.sweep
        v[k.SWEEP_COEF] = keep(p.sweep_time, k.CONTROL)
        v[k.Q] = p.q
        v[k.VIBRATO] = p.vibrato
        v[k.VIBRATO_INC] = (5.1 + 0.4 * signed(self.count, 4)) / rate
        v[k.DROP] = p.drop
        v[k.DROP_COEF] = keep(p.drop_time, k.CONTROL)
        v[k.TINE] = p.tine * event.velocity if freq * p.tine_ratio < 0.4 * rate else 0.0
        v[k.TINE_RATIO] = p.tine_ratio
        v[k.TINE_COEF] = keep(p.tine_time)
        v[k.NOISE] = p.noise * event.velocity
        v[k.NOISE_COEF] = keep(p.noise_time)
        v[k.DRIVE] = p.drive
        w = self.whole[n]
        w[k.ACTIVE], w[k.PART], w[k.SLOT] = 1, _PART[event.part], self.slot_of[event.part]
        w[k.MIP] = instruments.mip_for(freq, rate)
        w[k.STAGE], w[k.AGE], w[k.NOTE] = k.STAGE_ATTACK, 0, event.note
        w[k.RANDOM] = (self.count * 2654435761 + 12345) & 0x7FFFFFFF | 1
        w[k.UNISON] = 3 if p.detune > 0.5 else 1

    def _note_off(self, event: NoteOff) -> None:
        mine = (self.whole[:, k.ACTIVE] == 1) & (self.whole[:, k.PART] == _PART[event.part])
        if event.note >= 0:
            mine &= self.whole[:, k.NOTE] == event.note
        self.whole[mine, k.STAGE] = k.STAGE_RELEASE

    def _hit(self, event: Hit) -> None:
        sound = kits.SOUNDS.index(event.sound)
        if event.sound in ("hat", "open"):  # one pair of cymbals
            choked = (self.hit_whole[:, k.HIT_END] > 0) & (self.hit_whole[:, k.HIT_KIND] == kits.SOUNDS.index("open"))
            self.hit_f[choked, k.HIT_FADE_COEF] = math.exp(-1.0 / (0.008 * self.rate))
        take = self.count % kits.TAKES
        for kit, share in self.kit:
            idle = np.flatnonzero(self.hit_whole[:, k.HIT_END] == 0)
            n = int(idle[0]) if len(idle) else int(np.argmax(self.hit_f[:, k.HIT_POS]))
            start, end = self.samples.at[kit, sound, take]
            gain = event.velocity**1.4 * share**0.7
            angle = (event.pan + 1.0) * math.pi / 4.0
            soft = min(1.0, 0.25 + 0.85 * event.velocity)
            self.hit_f[n] = (
                0.0,
                2.0 ** (0.012 * signed(self.count, 5)),
                gain * math.cos(angle) * math.sqrt(2.0),
                gain * math.sin(angle) * math.sqrt(2.0),
                1.0,
                1.0,
                0.0,
                soft if event.sound != "kick" else 1.0,
            )
            self.hit_whole[n] = (start, end, sound)

    def silence(self, part: str) -> None:
        """Let a part end at once (drums, bass, chord, arp or lead), without a click."""
        if part == "drums":
            self.hit_f[:, k.HIT_FADE_COEF] = math.exp(-1.0 / (0.006 * self.rate))
            return
        mine = (self.whole[:, k.ACTIVE] == 1) & (self.whole[:, k.PART] == _PART[part])
        self.whole[mine, k.STAGE] = k.STAGE_RELEASE
        self.f[mine, k.RELEASE] = 1.0 - math.exp(-1.0 / (0.02 * self.rate))

    ARRAYS = (
        "f", "whole", "hit_f", "hit_whole", "old", "new", "state", "clock", "lines", "diffuse", "pre", "echo", "wow",
        "bright",
    )  # fmt: skip

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {name: getattr(self, name).copy() for name in self.ARRAYS}

    def facts(self) -> dict[str, object]:
        return {
            "slots": [list(map(list, shares)) for shares in self.slots],
            "slot_of": self.slot_of,
            "kit": [list(pair) for pair in self.kit],
            "count": self.count,
            "fresh": self.fresh,
        }

    def restore(self, arrays: dict[str, npt.NDArray[np.generic]], facts: dict[str, object]) -> None:
        for name in self.ARRAYS:
            setattr(self, name, arrays[name].copy())
        slots, kit, count = facts["slots"], facts["kit"], facts["count"]
        assert isinstance(slots, list) and isinstance(kit, list) and isinstance(count, int)
        self.slots = [tuple((str(name), float(share)) for name, share in shares) for shares in slots]
        for slot, shares in enumerate(self.slots):
            if shares:
                self.tables[slot] = instruments.tables(dict(shares))
        slot_of = facts["slot_of"]
        assert isinstance(slot_of, dict)
        self.slot_of = {part: int(slot_of[part]) for part in MELODIC}
        for part in MELODIC:
            shares = self.slots[self.slot_of[part]]
            self.patches[part] = instruments.mixture(dict(shares)) if shares else instruments.Patch()
        self.kit = tuple((int(index), float(share)) for index, share in kit)
        self.count, self.fresh = count, bool(facts["fresh"])
