"""magenta: Magenta RealTime 2, a language model of sound."""

from graphflow import AudioIn, AudioOut, Choice, Held, Inlet, Notes, Setting, Style, Switch, Text, WorkerNode


class Magenta(WorkerNode):
    """Music that Magenta RealTime 2 makes up as it goes, 40 ms at a time, steered by words, sounds, notes and drums.

    Its weights come by command: `graphflow models download mrt2-small`. Without them it is silent and the rest plays.
    The small model keeps up on a GPU or a fast CPU, the base model on a GPU. docs/magenta.md tells the rest.
    """

    generator = "magenta"

    style = Inlet(Style, "What to play: prompts, pictures, recordings, or a mixture of them.")
    notes = Inlet(Notes, "Notes held by a player, to be played among the rest.")
    input = AudioIn("Sound to continue from.", channels=2)

    prompt1 = Text("", "What to play, in words; mixed with the other prompts and with what is wired into style.")
    weight1 = Held(1.0, "How much prompt 1 counts.", min=0.0, max=2.0)
    prompt2 = Text("", "More of what to play.")
    weight2 = Held(1.0, "How much prompt 2 counts.", min=0.0, max=2.0)
    prompt3 = Text("", "More of what to play.")
    weight3 = Held(1.0, "How much prompt 3 counts.", min=0.0, max=2.0)
    prompt4 = Text("", "More of what to play.")
    weight4 = Held(1.0, "How much prompt 4 counts.", min=0.0, max=2.0)
    prompt5 = Text("", "More of what to play.")
    weight5 = Held(1.0, "How much prompt 5 counts.", min=0.0, max=2.0)
    prompt6 = Text("", "More of what to play.")
    weight6 = Held(1.0, "How much prompt 6 counts.", min=0.0, max=2.0)
    prompt7 = Text("", "More of what to play.")
    weight7 = Held(1.0, "How much prompt 7 counts.", min=0.0, max=2.0)
    prompt8 = Text("", "More of what to play.")
    weight8 = Held(1.0, "How much prompt 8 counts.", min=0.0, max=2.0)

    temperature = Held(1.1, "How daring it is; at 0 it does the likeliest thing.", min=0.0, max=3.0)
    top_k = Held(50.0, "Among how many of the likeliest sounds it chooses.", min=1.0, max=1024.0, step=1.0)
    guidance_style = Held(1.6, "How strictly it keeps to the style; above 3.5 it may run away.", min=-1.0, max=7.0)
    guidance_notes = Held(2.4, "How strictly it keeps to the notes.", min=-1.0, max=7.0)
    guidance_drums = Held(4.0, "How strictly it keeps to drums being on or off.", min=-1.0, max=7.0)
    drums = Choice("auto", "Whether there are drums; auto leaves it to the model.", choices=("off", "auto", "on"))
    onsets = Choice(
        "free", "When held notes begin: as the model likes, or exactly when struck.", choices=("free", "exact")
    )
    unmask = Held(
        0.0,
        "Semitones round every held note that are kept free of other notes; at 127 only held notes sound.",
        "st",
        min=0.0,
        max=127.0,
        step=1.0,
    )
    seed = Held(0.0, "Which of its ideas it has; the same seed has the same.", min=0.0, max=9999.0, step=1.0)
    reset = Held(0.0, "Begins anew whenever this goes up.", min=0.0, max=9999.0, step=1.0)
    continue_from = Held(
        0.0, "Continues from the last 28 s of input whenever this goes up.", min=0.0, max=9999.0, step=1.0
    )
    bypass = Switch(False, "Stops it; it goes on where it stopped, and costs nothing meanwhile.")

    model = Setting("mrt2-small", "Which model: mrt2-small, mrt2-base, or the folder of one.")
    device = Setting("auto", "Where the model runs: auto, cpu, mps, cuda:0 and so on.")
    precision = Setting("auto", "In which numbers it computes: auto, float32, bfloat16, int8, int4.")
    begin_with = Setting("", "A sound file that it continues, or a stream saved as .safetensors that it takes up.")
    style_levels = Setting(12, "How finely it is told the style; the official app tells it 6.", min=1, max=12)
    just_in_time = Setting(True, "Whether every chunk is made as late as can be, so that changes are heard sooner.")
    rollback = Setting(True, "Whether the chunk that plays is made again for a change that came after it.")
    lookahead = Setting(
        "auto",
        "Whether it guesses a chunk ahead, to be heard 40 ms sooner; costs twice the work at changes. Auto: on a GPU.",
        choices=("auto", "on", "off"),
    )
    watch = Setting(True, "Whether it goes back to a good moment when it falls silent, grows too loud or is stuck.")
    out = AudioOut("The music.", channels=2)
