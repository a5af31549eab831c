"""image and image_mood: pictures drawn here, and what is told of them."""

import os
from pathlib import Path

import numpy as np
import pytest
from control_host import Host
from PIL import Image as Picture

from graphflow import Image

RED, BLUE = (255, 0, 0), (0, 0, 255)


def drawn(pixels: np.ndarray) -> Image:
    return Image(pixels.shape[1], pixels.shape[0], pixels.astype(np.uint8).tobytes())


def mood(pixels: np.ndarray) -> dict[str, object]:
    return {outlet: message for _, outlet, message in Host("image_mood", [{"image": drawn(pixels)}]).run()}


def test_a_folder_is_shown_in_the_order_of_names(tmp_path: Path) -> None:
    for name, color in (("b.png", BLUE), ("a.png", RED)):
        Picture.new("RGB", (4, 2), color).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    sent = Host("image", [{"file": str(tmp_path), "every": 10.0}], seconds=35.0).run()
    assert [(at, image.name, image.pixels[:3]) for at, _, image in sent] == [
        (0.0, "a.png", bytes(RED)),
        (10.0, "b.png", bytes(BLUE)),
        (20.0, "a.png", bytes(RED)),
        (30.0, "b.png", bytes(BLUE)),
    ]
    assert (sent[0][2].width, sent[0][2].height, len(sent[0][2].pixels)) == (4, 2, 24)


def test_a_large_picture_is_brought_down(tmp_path: Path) -> None:
    Picture.new("L", (2000, 1000), 7).save(tmp_path / "grey.png")
    ((_, _, image),) = Host("image", [{"file": str(tmp_path / "grey.png")}], seconds=100.0).run()
    assert (image.width, image.height, image.pixels[:3]) == (512, 256, b"\7\7\7")


def test_a_picture_written_again_is_shown_again(tmp_path: Path) -> None:
    file = tmp_path / "camera.png"
    Picture.new("RGB", (1, 1), RED).save(file)
    os.utime(file, (1, 1))
    host = Host("image", [{"file": str(file), "every": 1.0}], seconds=4.0)
    asleep = host.sleep

    async def sleep(node: object, seconds: float) -> None:
        await asleep(node, seconds)
        if host.now == 2.0:
            Picture.new("RGB", (1, 1), BLUE).save(file)

    host.sleep = sleep  # type: ignore[method-assign]
    assert [(at, image.pixels) for at, _, image in host.run()] == [(0.0, bytes(RED)), (2.0, bytes(BLUE))]


def test_what_cannot_be_read_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture at all")
    Picture.new("RGB", (1, 1), RED).save(tmp_path / "b.png")
    host = Host("image", [{"file": str(tmp_path), "every": 1.0}], seconds=5.0)
    assert [image.name for _, _, image in host.run()] == ["b.png"]
    (line,) = host.reports
    assert line.startswith(f"nodes.tested.file is '{tmp_path}'; expected pictures that can be read (")


@pytest.mark.parametrize("name", ["", "missing.png"])
def test_a_missing_picture_is_named(name: str) -> None:
    host = Host("image", [{"file": name}], seconds=100.0)
    assert host.run() == []
    (line,) = host.reports
    assert line.startswith(f"nodes.tested.file is '{name}'; expected ")


def test_a_file_is_looked_for_beside_the_patch(tmp_path: Path) -> None:
    Picture.new("RGB", (1, 1), BLUE).save(tmp_path / "sea.png")
    host = Host("image", [{"file": "sea.png"}], seconds=1.0)
    host.folder = tmp_path
    assert [image.name for _, _, image in host.run()] == ["sea.png"]


def test_mood_of_plain_colors() -> None:
    red, blue, grey = (mood(np.full((8, 8, 3), color)) for color in (RED, BLUE, (128, 128, 128)))
    assert (red["warmth"], blue["warmth"], grey["warmth"]) == (1.0, 0.0, 0.5)
    assert (red["contrast"], red["texture"]) == (0.0, 0.0)
    assert red["style"].data()["parts"][0]["image"]["palette"] == [[1.0, 0.0, 0.0]]  # type: ignore[attr-defined]
    black, white = (mood(np.full((8, 8, 3), value)) for value in (0, 255))
    assert black["light"] == 0.0
    assert white["light"] == pytest.approx(1.0, abs=1e-6)


def test_mood_of_halves_has_contrast_and_both_colors_the_larger_first() -> None:
    pixels = np.zeros((64, 64, 3))
    pixels[:48] = 255
    told = mood(pixels)
    assert told["contrast"] == pytest.approx(1.0, abs=1e-6)
    assert told["style"].data()["parts"][0]["image"]["palette"] == [[1.0] * 3, [0.0] * 3]  # type: ignore[attr-defined]


def test_texture_is_fine_detail() -> None:
    rng = np.random.default_rng(1)
    rough = rng.integers(0, 255, (128, 128, 1)) * np.ones(3)
    smooth = np.linspace(0, 255, 128)[None, :, None] * np.ones((128, 1, 3))
    assert float(mood(rough)["texture"]) > 0.9  # type: ignore[arg-type]
    assert float(mood(smooth)["texture"]) < 0.15  # type: ignore[arg-type]


def test_a_picture_is_looked_at_once_and_its_weight_goes_with_the_style() -> None:
    image = drawn(np.full((2, 2, 3), 9))
    sent = Host("image_mood", [{"image": image}, {"weight": 0.5}]).run()
    assert [outlet for _, outlet, _ in sent] == ["light", "contrast", "texture", "warmth", "style", "style"]
    assert [m.parts[0].weight for _, outlet, m in sent if outlet == "style"] == [1.0, 0.5]


def test_before_the_first_picture_nothing_is_said() -> None:
    assert Host("image_mood", [{"weight": 0.5}]).run() == []
