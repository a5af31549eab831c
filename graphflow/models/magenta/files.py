"""Where the files of Magenta RealTime 2 lie: downloaded by graphflow, by the official tools, or saved in a folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from graphflow.core.errors import UserError, did_you_mean
from graphflow.models.home import default_home, home, shown

FOLDER = "magenta-rt-v2"  # as the official tools call it
CHECKPOINTS = {
    "mrt2-small": "checkpoints/mrt2_small.safetensors",
    "mrt2-base": "checkpoints/mrt2_base.safetensors",
}
ENCODER = "resources/spectrostream/encoder.safetensors"
MUSICCOCA = "resources/musiccoca"
MUSICCOCA_FILES = {  # bytes, as pinned by another downloader on 2026-09-30; the hub's word counts
    "text_encoder.tflite": 418_674_324,
    "mapper.tflite": 86_166_664,
    "pretrained_vector_quantizer.tflite": 72_422_108,
    "spm.model": 517_448,
    "music_encoder.tflite": 370_935_584,
    "audio_preprocessor.tflite": 8_729_640,
}


@dataclass(frozen=True)
class Files:
    """A model's files. What is None is not there: the model plays without it, and can do less."""

    name: str
    checkpoint: Path
    config: Path | None = None
    """What `save_pretrained` wrote; None for an official checkpoint, whose name tells its sizes."""
    encoder: Path | None = None
    """SpectroStream's encoder, which turns sound into tokens."""
    musiccoca: Path | None = None
    """A folder: what turns words and sound into a style."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that are not there, and what of MusicCoCa is not, as after a download that was broken off."""
        parts = {"encoder": self.encoder, "musiccoca": self.musiccoca}
        lost = [name for name, path in parts.items() if path is None]
        if self.musiccoca is not None:
            files = [name for name in MUSICCOCA_FILES if not (self.musiccoca / name).is_file()]
            lost += [f"musiccoca's {files[0]}"] if len(files) == 1 else []
            lost += [f"{len(files)} of musiccoca's {len(MUSICCOCA_FILES)} files"] if len(files) > 1 else []
        return tuple(lost)

    def __str__(self) -> str:
        without = f", without {' and '.join(self.missing)}" if self.missing else ""
        return f"{self.name}: {shown(self.checkpoint)}{without}"


def roots() -> tuple[Path, ...]:
    """Folders in the official layout, in the order in which a name is looked up in them; downloads go to the first."""
    official = os.environ.get("MAGENTA_HOME")  # as the official tools read it
    magenta = Path(official).expanduser() if official else Path.home() / "Documents" / "Magenta"
    return tuple(dict.fromkeys(place / FOLDER for place in (home(), default_home(), magenta)))


def find(model: str) -> Files:
    """The files of a model: `mrt2-small`, `mrt2-base`, or a folder.

    The folder is in the official layout with one checkpoint, or holds `config.json` and `model.safetensors`. Raises
    UserError.
    """
    if model in CHECKPOINTS:
        if found := locate(model):
            return found
        *places, last = map(shown, roots())
        looked = f"{', '.join(places)} or {last}" if places else last
        raise UserError(f"{model}: no {CHECKPOINTS[model]} in {looked}; graphflow models download {model}")
    folder = Path(model).expanduser()
    if folder.is_dir():
        own = [name for name in ("config.json", "model.safetensors") if (folder / name).is_file()]
        return _saved(folder, own) if own else _official(folder)
    if folder.exists():
        raise UserError(f"{model} is a file; expected {' or '.join(CHECKPOINTS)}, or the folder of a model")
    raise UserError(
        f"{model}: no such model{did_you_mean(model, CHECKPOINTS)}; expected {', '.join(CHECKPOINTS)} or a folder"
    )


def locate(name: str) -> Files | None:
    """The files of `mrt2-small` or `mrt2-base`; None where its checkpoint is not on this computer."""
    places = roots()
    for root in places:
        checkpoint = root / CHECKPOINTS[name]
        if checkpoint.is_file():
            return Files(name, checkpoint, encoder=_encoder(checkpoint, places), musiccoca=_musiccoca(places))
    return None


def _encoder(checkpoint: Path, places: tuple[Path, ...]) -> Path | None:
    # the official loader looks beside the checkpoint, the official download puts it elsewhere
    candidates = (checkpoint.parent / "encoder.safetensors", *(root / ENCODER for root in places))
    return next((path for path in candidates if path.is_file()), None)


def _musiccoca(places: tuple[Path, ...]) -> Path | None:
    """The fullest folder; of equals the first."""

    def held(folder: Path) -> int:
        return sum((folder / name).is_file() for name in MUSICCOCA_FILES)

    fullest = max((root / MUSICCOCA for root in places), key=held)
    return fullest if held(fullest) else None


def _saved(folder: Path, own: list[str]) -> Files:
    for name in ("config.json", "model.safetensors"):
        if name not in own:
            raise UserError(f"{folder} has {own[0]} and no {name}; save the model again, or name another folder")
    encoder, musiccoca = folder / "encoder.safetensors", folder / "musiccoca"
    return Files(
        folder.resolve().name,
        folder / "model.safetensors",
        folder / "config.json",
        encoder if encoder.is_file() else None,
        musiccoca if musiccoca.is_dir() else None,
    )


def _official(folder: Path) -> Files:
    held = sorted(folder.glob("checkpoints/*.safetensors"))
    found = [path for path in held if path.name != "encoder.safetensors"]
    if len(found) > 1:
        both = ", ".join(path.name for path in found)
        raise UserError(f"{folder}/checkpoints holds {both}; expected one; move the others to another folder")
    if not found:
        raise UserError(
            f"{folder} holds no model; expected config.json and model.safetensors, or checkpoints/NAME.safetensors"
        )
    names = {Path(path).name: name for name, path in CHECKPOINTS.items()}
    return Files(
        names.get(found[0].name, found[0].stem),
        found[0],
        encoder=_encoder(found[0], (folder,)),
        musiccoca=_musiccoca((folder,)),
    )
