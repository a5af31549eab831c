"""Hear First Light without a patch: python -m graphflow.models.first_light.hear "dusty drums, warm piano" -o x.wav"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

import graphflow.models.first_light as first_light
from graphflow.models.first_light import symbols as sy


def main() -> None:
    p = argparse.ArgumentParser(prog="python -m graphflow.models.first_light.hear", description=__doc__)
    p.add_argument("prompt", nargs="+", help="one prompt, or several that are blended evenly")
    p.add_argument("-o", "--output", type=Path, default=Path("first-light.wav"))
    p.add_argument("--seconds", type=float, default=30.0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--tempo", type=float, default=0.0, help="bpm; 0: from the prompt")
    p.add_argument("--key", default="auto")
    p.add_argument("--mode", default="auto")
    p.add_argument("--temperature", type=float, default=1.0)
    p.add_argument("--density", type=float, default=0.5)
    p.add_argument("--brightness", type=float, default=0.5)
    p.add_argument("--guidance", type=float, default=2.0)
    p.add_argument("--device", default="auto")
    p.add_argument("--stems", action="store_true", help="also write drums, bass, harmony and lead beside the mix")
    args = p.parse_args()
    params: dict[str, Any] = {
        name: getattr(args, name)
        for name in ("seed", "tempo", "key", "mode", "temperature", "density", "brightness", "guidance")
    }
    player = first_light.open({"device": args.device})
    player.set({"style": {"parts": [{"text": text} for text in args.prompt]}, "params": params})
    chunks, stems = [], []
    frame = 0
    while frame < args.seconds * player.rate:
        chunks.append(player.step(frame))
        stems.append(player.stems)
        frame += chunks[-1].shape[1]
    soundfile.write(args.output, np.concatenate(chunks, axis=1).T, player.rate)
    if args.stems:
        whole = np.concatenate(stems, axis=2)
        for name, stem in zip(sy.PARTS, whole, strict=True):
            path = args.output.with_stem(f"{args.output.stem}-{name}")
            soundfile.write(path, stem.T, player.rate, subtype="FLOAT")
    facts = player.statistics()
    print(f"{args.output}: {facts.style}; {facts.bpm:g} bpm, {facts.key} {facts.mode}; {facts.rtf:.0f} times real time")
    if facts.unknown:
        print(f"words left aside: {', '.join(facts.unknown)}", file=sys.stderr)


if __name__ == "__main__":
    main()
