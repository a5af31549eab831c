"""How long the official Magenta RealTime 2 package takes for one 40 ms chunk on the CPU.

    PYTHON bench/mrt2_official.py --dtype bfloat16 --cores 2

PYTHON has `magenta-rt[jax]` 2.0.3. Its own system object is timed from outside: `MagentaRT2System.generate(frames=1)`,
which is the compiled streaming step (language model, sampling, codec) and the copy of its audio. The network has the
released sizes and weights of noise: nothing is downloaded. float32 is the same model class with its compute_dtype
changed from the released bfloat16. Prints one line of JSON, times in seconds; of few chunks p99 is the slowest.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ORACLE = Path(__file__).parents[1] / "tests" / "models" / "magenta" / "oracle"
SMALL = {
    "salt": "",
    "conditioning": 256,
    "temporal": {"layers": 12, "dim": 1024, "heads": 8, "head_dim": 128, "ffn": 4096, "window": 41},
    "depth": {"layers": 2, "dim": 768, "heads": 6, "head_dim": 128, "ffn": 3072},
    "codec": {
        "features": 256,
        "quantizer_levels": 64,
        "used_levels": 12,
        "encoder_base_depth": 32,
        "decoder_base_depth": 64,
    },
    "chunks": 0,
}
STYLE = (325, 98, 979, 657, 802, 453, 475, 622, 729, 934, 567, 782)
HELD = (48, 52, 55)  # pitches that sound throughout


def pin(cores: int) -> int:
    """Keep this process to `cores` processors; it must happen before jax counts them."""
    if not hasattr(os, "sched_setaffinity"):
        return os.cpu_count() or 1
    allowed = sorted(os.sched_getaffinity(0))
    kept = allowed[: cores or None]
    os.sched_setaffinity(0, kept)
    return len(kept)


def build(size: dict[str, Any], dtype: str) -> Any:
    """The official system at that size, compiled."""
    sys.path.insert(0, str(ORACLE))
    import jax

    jax.config.update("jax_platforms", "cpu")
    import numpy as np
    import official
    import safetensors.numpy
    from magenta_rt import paths
    from magenta_rt.jax import model, system

    sizes = official.Sizes(**size)
    model.MODEL_REGISTRY["bench"] = official.model_class(sizes, jax.numpy.dtype(dtype))
    noise = np.random.default_rng(0)
    weights = {
        name: official.scaled(name, noise.standard_normal(shape, np.float32))
        for name, shape in official.checkpoint_shapes(sizes).items()
    }
    with tempfile.TemporaryDirectory() as folder:
        paths.set_magenta_home(folder)
        safetensors.numpy.save_file(weights, paths.checkpoints_dir() / "bench.safetensors")
        del weights
        # style comes as codes, so no style model is ever asked for
        return system.MagentaRT2System(size="bench", style_model=object(), checkpoint="bench.safetensors")


def chunk_times(system: Any, chunks: int, warm_up: int) -> list[float]:
    """Seconds of each chunk after the warm-up, one call a chunk, as a player would ask for them."""
    from magenta_rt.config import DRUM_PIANOROLL, MUSICCOCA, PIANOROLL_WITH_ONSETS

    conditioning = {
        MUSICCOCA.key: list(STYLE),
        PIANOROLL_WITH_ONSETS.key: [3 if pitch in HELD else 0 for pitch in range(128)],
        DRUM_PIANOROLL.key: [-1],
    }
    state, times = None, []
    for _ in range(warm_up + chunks):
        begun = time.perf_counter()
        _, state = system.generate(conditioning, frames=1, state=state)
        times.append(time.perf_counter() - begun)
    return times[warm_up:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="small", help="small, or a CASE_config.json with the released codec's sizes")
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), default="bfloat16", help="bfloat16 is the released")
    parser.add_argument("--chunks", type=int, default=20, help="timed after the warm-up (20)")
    parser.add_argument("--warm-up", type=int, default=3, help="chunks before (3)")
    parser.add_argument("--cores", type=int, default=0, help="processors to keep to (all that are allowed)")
    arguments = parser.parse_args()
    cores = pin(arguments.cores)
    size = SMALL if arguments.size == "small" else json.loads(Path(arguments.size).read_text())
    for key, released in SMALL["codec"].items():
        if key != "used_levels" and size["codec"][key] != released:
            # the official system builds no other codec
            raise SystemExit(f"{arguments.size}: codec {key} is {size['codec'][key]}; only {released} can be timed")
    times = sorted(chunk_times(build(size, arguments.dtype), arguments.chunks, arguments.warm_up))
    print(
        json.dumps(
            {
                "dtype": arguments.dtype,
                "cores": cores,
                "chunks": len(times),
                "median_s": round(times[len(times) // 2], 5),
                "p99_s": round(times[min(len(times) - 1, int(0.99 * len(times)))], 5),
                "jax": importlib.metadata.version("jax"),
                "magenta_rt": importlib.metadata.version("magenta-rt"),
            }
        )
    )


if __name__ == "__main__":
    main()
