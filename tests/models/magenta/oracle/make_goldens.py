"""Make a set of golden numbers with the official Magenta RealTime 2 package.

    PYTHON make_goldens.py CASE_config.json FOLDER

PYTHON has `magenta-rt[jax]` 2.0.3. Nothing is downloaded: weights and inputs follow from the configuration's salt. The
set is CASE_shapes.json, CASE_stream.npz, CASE_decode.npz, CASE_encode.npz, CASE_sampler.npz and, last of all,
CASE_config.json: where that one is, the set is whole.

    PYTHON make_goldens.py CASE_config.json FOLDER --against OTHER

takes its inputs from OTHER's set of that name and prints how far apart the two sets' outputs are.
"""
# ruff: noqa: T201 - a command

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import official
import sequence_layers.jax as sl
from magenta_rt.jax import depthformer

CODE_COUNT = 1024
CODEC_CHUNKS = 10
CHUNK_FRAMES = 1920
TEMPERATURE, TOP_K = 1.3, 40  # the official system's defaults
# temperature, k, guidance on style, on notes; nan: no guidance rows
SAMPLER_CASES = np.array(
    [
        [1.3, 40, np.nan, np.nan],
        [0.0, 40, np.nan, np.nan],
        [1.0, 1, np.nan, np.nan],
        [1.1, 50, np.nan, np.nan],
        [3.0, CODE_COUNT, np.nan, np.nan],
        [1.3, 40, 3.0, 1.0],
        [1.3, 40, 1.6, 2.4],
    ]
)
TIED_CASE = 3  # its logits lie on a coarse grid, so that several equal the k-th
PARTS = ("stream", "decode", "encode", "sampler")

Arrays = dict[str, np.ndarray]


def seed_of(salt: str, what: str) -> np.random.RandomState:
    return np.random.RandomState(zlib.crc32(f"{salt}inputs/{what}".encode()))


def make_inputs(sizes: official.Sizes) -> dict[str, Arrays]:
    """What goes into the model, from the salt alone."""
    r = seed_of(sizes.salt, "conditioning")
    chunks = sizes.chunks
    cond = np.concatenate(
        [
            r.randint(0, CODE_COUNT, (chunks, 12)),
            r.randint(-1, 4, (chunks, 128)),
            r.randint(-1, 2, (chunks, 1)),
            r.randint(0, 41, (chunks, 2)),
            r.randint(0, 9, (chunks, 1)),
        ],
        axis=1,
    ).astype(np.int16)
    cond[1:2, :141] = -1  # everything masked
    cond[2:3, 141:] = (40, 40, 8)  # the top bins, which read past their own tables
    cond[3::4, 6:12] = -1  # style levels may be masked one by one
    r = seed_of(sizes.salt, "codec")
    codes = r.randint(0, CODE_COUNT, (1, CODEC_CHUNKS, sizes.codec["used_levels"])).astype(np.int16)
    wave = (0.3 * r.standard_normal((1, CODEC_CHUNKS * CHUNK_FRAMES, 2))).astype(np.float32)
    r = seed_of(sizes.salt, "sampler")
    logits = (3.0 * r.standard_normal((len(SAMPLER_CASES), 3, CODE_COUNT))).astype(np.float32)
    logits[TIED_CASE] = np.round(logits[TIED_CASE] * 4) / 4
    gumbel = r.gumbel(size=(len(SAMPLER_CASES), CODE_COUNT)).astype(np.float32)
    return {
        "stream": {"cond": cond},
        "decode": {"codes": codes},
        "encode": {"wave": wave},
        "sampler": {"logits": logits, "gumbel": gumbel, "temperature_topk_cfgstyle_cfgnotes": SAMPLER_CASES},
    }


def stream(sizes: official.Sizes, weights: official.Weights, inputs: Arrays) -> Arrays:
    """Chunk after chunk as the official system does it, its insides written down on the way."""
    module = official.sampler(sizes)
    params = official.as_params(weights)
    keys = {"random": jax.random.PRNGKey(zlib.crc32(sizes.salt.encode()))}
    constants = official.sampling(TEMPERATURE, TOP_K)
    x = official.conditioning(inputs["cond"])

    @jax.jit
    def encode(params: Any, x: sl.Sequence) -> sl.Sequence:
        return module.apply(params, x, method=lambda m, x: m.depthformer.encoder.body.layer(x, training=False))

    @jax.jit
    def begin(params: Any) -> Any:
        def state(m: Any) -> Any:
            return m.get_initial_state(1, x.channel_spec, training=False, constants={})

        return module.apply(params, rngs=keys, method=state)

    @jax.jit
    def step(params: Any, x: sl.Sequence, state: Any) -> Any:
        (audio, state, _), kept = module.apply(
            params,
            x=x,
            state=state,
            constants=constants,
            training=False,
            rngs=keys,
            method=module.step_with_emits,
            mutable=["intermediates"],
        )
        return audio, state, kept["intermediates"]["depthformer"]["decoder"]

    state = begin(params)
    rows: dict[str, list[Any]] = {key: [] for key in ("tokens", "audio_int16", "temporal_in", "temporal_out", "logits")}
    for n in range(sizes.chunks):
        audio, state, kept = step(params, x[:, n : n + 1], state)
        rows["audio_int16"].append(audio.values[0])
        rows["tokens"].append(jnp.stack([t[0, 0] for t in kept["depth_samples"]]))
        rows["temporal_in"].append(kept["temporal_inputs"][0][0, 0])
        rows["temporal_out"].append(kept["temporal_outputs"][0][0, 0])
        rows["logits"].append(jnp.stack([own_codes(v[0, 0], level) for level, v in enumerate(kept["depth_logits"])]))
    out = {key: np.stack([np.asarray(v) for v in values]) for key, values in rows.items()}
    return {
        "cond": inputs["cond"],
        "source": np.asarray(encode(params, x).values[0]),
        "tokens": out["tokens"].astype(np.int32),
        "audio_int16": out["audio_int16"],
        "temporal_in": out["temporal_in"],
        "temporal_out": out["temporal_out"],
        "logits_precap": out["logits"],
    }


def own_codes(logits: jax.Array, level: int) -> jax.Array:
    """Of a level's logits [vocabulary] only its own 1024 can be picked."""
    first = official.SPECTROSTREAM.num_extra_tokens + level * CODE_COUNT
    return logits[first : first + CODE_COUNT]


def decode(sizes: official.Sizes, weights: official.Weights, inputs: Arrays) -> Arrays:
    """Codes to audio in one piece, without the sampler's gain."""
    module = official.codec_config(sizes).make()
    prefix = "params/soundstream/"
    own = {name.replace("soundstream/", ""): w for name, w in weights.items() if name.startswith(prefix)}
    codes = sl.Sequence.from_values(jnp.asarray(inputs["codes"].astype(np.int32)))
    wave = jax.jit(lambda p, x: module.apply(p, x, training=False, method=module.codes_to_waveform))(
        official.as_params(own), codes
    )
    return {"codes": inputs["codes"], "wave_offline": np.asarray(wave.values)}


def encode(sizes: official.Sizes, encoder_weights: official.Weights, inputs: Arrays) -> Arrays:
    """Audio to codes in one piece, with the encoder file's own quantizer."""
    module = official.codec_config(sizes).make()
    params = official.as_params(encoder_weights)
    wave = sl.Sequence.from_values(jnp.asarray(inputs["wave"]))
    emb = jax.jit(lambda p, x: module.apply(p, x, training=False, method=module.waveform_to_embeddings))(params, wave)
    codes = jax.jit(lambda p, x: module.apply(p, x, method=lambda m, x: m.quantizer.embeddings_to_codes(x)))(
        params, emb
    )
    return {"wave": inputs["wave"], "emb": np.asarray(emb.values), "codes": np.asarray(codes.values).astype(np.int16)}


def sample(inputs: Arrays) -> Arrays:
    """The official sampler's picks, where its noise is given rather than drawn."""
    picks = []
    cases = inputs["temperature_topk_cfgstyle_cfgnotes"]
    for (temperature, k, style, notes), rows, noise in zip(cases, inputs["logits"], inputs["gumbel"], strict=True):
        guided = not np.isnan(style)
        batch = rows[:, None] if guided else rows[:1, None]
        with mock.patch.object(
            jax.random, "gumbel", lambda key, shape, dtype, n=noise: jnp.asarray(n, dtype)[None, None]
        ):
            picked = depthformer._sample_categorical_with_temperature(
                sl.Sequence.from_values(jnp.asarray(batch)),
                temperature=jnp.full(len(batch), temperature),
                top_k=jnp.full(len(batch), int(k), jnp.int32),
                top_p=None,
                rng_key=jnp.zeros((len(batch), 2), jnp.uint32),
                classifier_free_guidance_scale=jnp.array([0.0, style, notes]) if guided else None,
                classifier_free_guidance_arity=2 if guided else 0,
                valid_range=(0, CODE_COUNT),
            )
        picks.append(int(picked.values[0, 0]))
    return {
        "logits": inputs["logits"],
        "gumbel": inputs["gumbel"],
        "pick": np.array(picks, np.int64),
        "temperature_topk_cfgstyle_cfgnotes": cases,
    }


def read_inputs(folder: Path, case: str) -> dict[str, Arrays]:
    found = {}
    for part in PARTS:
        path = folder / f"{case}_{part}.npz"
        if path.exists():
            with np.load(path, allow_pickle=False) as data:
                found[part] = {key: data[key] for key in data.files}
    return found


def put(path: Path, write: Callable[[Any], None]) -> None:
    """A reader finds the whole file or none."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        write(file)
    part.replace(path)


def distance(ours: np.ndarray, theirs: np.ndarray) -> str:
    """Floats as a share of the reference's largest absolute value; integers by how many differ and how far."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return f"{ours.dtype} {ours.shape} against {theirs.dtype} {theirs.shape}"
    if np.issubdtype(ours.dtype, np.floating):
        return f"{np.nanmax(np.abs(ours - theirs)) / np.nanmax(np.abs(theirs)):.1e} of the largest"
    apart = np.abs(ours.astype(np.int64) - theirs.astype(np.int64))
    return f"{np.count_nonzero(apart)} of {apart.size} differ, by {apart.max()} at most"


def main() -> None:
    parser = argparse.ArgumentParser(description="Golden numbers of the official Magenta RealTime 2 package.")
    parser.add_argument("config", type=Path, help="CASE_config.json")
    parser.add_argument("folder", type=Path, help="where the set goes")
    parser.add_argument(
        "--against", type=Path, help="folder of an earlier set of this name: use its inputs and compare"
    )
    arguments = parser.parse_args()
    jax.config.update("jax_platforms", "cpu")  # a GPU's sums are not the reference's
    jax.config.update("jax_default_matmul_precision", "highest")
    case = arguments.config.name.removesuffix("_config.json")
    sizes = official.Sizes.read(arguments.config)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    given = read_inputs(arguments.against, case) if arguments.against else {}
    inputs = make_inputs(sizes) | given
    begun = time.monotonic()

    shapes = json.dumps(official.all_shapes(sizes), indent=0)
    put(arguments.folder / f"{case}_shapes.json", lambda file: file.write(shapes.encode()))
    weights = official.make_weights(sizes.salt, official.checkpoint_shapes(sizes))
    makers: dict[str, Callable[[Arrays], Arrays]] = {
        "stream": lambda x: stream(sizes, weights, x),
        "decode": lambda x: decode(sizes, weights, x),
        "encode": lambda x: encode(sizes, official.make_weights(sizes.salt, official.encoder_shapes(sizes)), x),
        "sampler": sample,
    }
    for part, make in makers.items():
        arrays = make(inputs[part])
        put(arguments.folder / f"{case}_{part}.npz", lambda file, arrays=arrays: np.savez_compressed(file, **arrays))
        print(f"{case}_{part}: " + ", ".join(f"{key} {list(a.shape)}" for key, a in arrays.items()))
        for key, array in arrays.items() if part in given else ():
            print(f"  {key}: {distance(array, given[part][key])}")
    put(arguments.folder / f"{case}_config.json", lambda file: file.write(sizes.text().encode()))
    print(f"{case}: {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
