"""first_light: the band that ships with graphflow."""

from graphflow import AudioOut, Choice, Held, Inlet, Notes, Setting, Style, Switch, WorkerNode

KEYS = ("auto", "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MODES = ("auto", "major", "minor", "dorian", "mixolydian", "phrygian", "lydian", "harmonic_minor")


class FirstLight(WorkerNode):
    """Music composed and played by the model that ships with graphflow.

    Tempo, key and the parts' switches are followed exactly; words, density and brightness are followed as a band
    follows them. A change is heard within a 16th note and the lead.
    """

    generator = "first_light"

    style = Inlet(Style, "What to play.")
    notes = Inlet(Notes, "Notes held by a player, for the harmony to follow.")
    temperature = Held(1.0, "How daring it is.", min=0.0, max=2.0)
    density = Held(0.5, "How much it plays.", min=0.0, max=1.0)
    brightness = Held(0.5, "How bright it sounds.", min=0.0, max=1.0)
    tempo = Held(0.0, "Beats per minute; 0 follows the transport, the words or the style.", "bpm", min=0.0, max=240.0)
    key = Choice("auto", "The key note; auto follows the words or the style.", choices=KEYS)
    mode = Choice("auto", "The scale; auto follows the words or the style.", choices=MODES)
    swing = Held(-1.0, "How late the off-beats come; below 0 the style decides.", min=-1.0, max=1.0)
    drums = Switch(True, "Whether the drums play.")
    bass = Switch(True, "Whether the bass plays.")
    harmony = Switch(True, "Whether the chords play.")
    lead = Switch(True, "Whether the melody plays.")
    guidance = Held(2.0, "How strictly it keeps to the style.", min=0.0, max=6.0)
    seed = Held(1.0, "Which of its ideas it has; the same seed has the same.", min=0.0, max=9999.0, step=1.0)
    device = Setting("auto", "Where the model runs: auto, cpu, mps, cuda:0 and so on.")
    out = AudioOut("The band.", channels=2)
