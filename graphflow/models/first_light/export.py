"""Makes the shipped weights from a training checkpoint: python -m graphflow.models.first_light.export"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from graphflow.models.first_light.writer import WEIGHTS, load_weights


def main() -> None:
    p = argparse.ArgumentParser(prog="python -m graphflow.models.first_light.export", description=__doc__)
    p.add_argument("--folder", type=Path, default=Path("runs/first_light"), help="where the checkpoint is")
    p.add_argument("-o", "--output", type=Path, default=WEIGHTS)
    args = p.parse_args()
    arrays = load_weights(args.folder / "checkpoint.safetensors")
    facts = json.loads((args.folder / "checkpoint.json").read_text(encoding="utf-8"))
    halves = {name: np.ascontiguousarray(array.astype(np.float16)) for name, array in arrays.items()}
    fresh = args.output.with_suffix(".part")
    save_file(halves, fresh, metadata={"training": json.dumps(facts)})
    fresh.chmod(0o644)
    fresh.replace(args.output)
    print(f"{args.output}: {sum(a.size for a in halves.values()) / 1e6:.2f} M parameters, "
          f"{args.output.stat().st_size / 1e6:.1f} MB, step {facts['step']} of {facts['steps']}, "
          f"held out {sum(facts['heldout_nats']):.3f} nats per 16th")  # fmt: skip


if __name__ == "__main__":
    main()
