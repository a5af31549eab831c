"""image_mood: what a picture feels like, as a style and as signals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphflow import ControlNode, Held, Image, Inlet, Outlet, Part, Signal, Style

COLORS = 5
DETAIL = 0.05  # a mean step in lightness between neighbours of which 63 % counts as texture; photographs have 0.01-0.1
Colors = NDArray[np.float64]  # [..., 3]

# linear red, green, blue to the cube roots' mix, and from those to OKLab (B. Ottosson, "A perceptual color space for
# image processing", 2020): equal distances look equally far
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@dataclass(frozen=True)
class Mood:
    """What a picture says; numbers 0 to 1, the palette's colours too, the most frequent first."""

    palette: tuple[tuple[float, float, float], ...]
    light: float
    contrast: float
    texture: float
    warmth: float


def pooled(pixels: Colors, size: int) -> Colors:
    """Means over squares, so that neither side is longer than `size`; a rest at the edges is left out."""
    step = -(-max(pixels.shape[:2]) // size)
    height, width = max(pixels.shape[0] // step, 1), max(pixels.shape[1] // step, 1)
    cut = pixels[: height * step, : width * step]
    if step == 1 or cut.shape[0] < step or cut.shape[1] < step:
        return pixels[:: max(step, 1), :: max(step, 1)]
    squares: Colors = cut.reshape(height, step, width, step, 3).mean(axis=(1, 3))
    return squares


def lab(colors: Colors) -> Colors:
    """OKLab of red, green and blue 0..1: lightness 0..1, then green to red, then blue to yellow."""
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    answer: Colors = np.cbrt(linear @ TO_CONES.T) @ TO_LAB.T
    return answer


def palette_of(colors: Colors) -> tuple[tuple[float, float, float], ...]:
    """Up to five colours that stand for the picture (k-means in OKLab, begun from colours far apart)."""
    points = lab(colors)
    centers = [points.mean(axis=0)]
    distance = ((points - centers[0]) ** 2).sum(axis=1)
    centers = [points[distance.argmin()]]
    while len(centers) < COLORS:
        distance = np.min([((points - center) ** 2).sum(axis=1) for center in centers], axis=0)
        if distance.max() < 1e-4:  # no colour is left that the eye would tell from these
            break
        centers.append(points[distance.argmax()])
    middle = np.array(centers)
    for _ in range(10):
        nearest = ((points[:, None] - middle) ** 2).sum(axis=2).argmin(axis=1)
        middle = np.array(
            [points[nearest == k].mean(axis=0) if (nearest == k).any() else middle[k] for k in range(len(middle))]
        )
    nearest = ((points[:, None] - middle) ** 2).sum(axis=2).argmin(axis=1)
    count = np.bincount(nearest, minlength=len(middle))
    order = [k for k in np.argsort(-count, kind="stable") if count[k]]
    means = [colors[nearest == k].mean(axis=0) for k in order]
    return tuple((round(float(r), 4), round(float(g), 4), round(float(b), 4)) for r, g, b in means)


def mood_of(image: Image) -> Mood:
    """Everything image_mood tells of a picture. Some milliseconds for 512 by 512 pixels."""
    pixels = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, 3) / 255.0
    fine = pooled(pixels, 256)
    lightness = lab(fine)[..., 0]
    steps = [np.abs(np.diff(lightness, axis=axis)).mean() for axis in (0, 1) if lightness.shape[axis] > 1]
    low, high = np.percentile(lightness, (5, 95))
    red, blue, brightest = fine[..., 0].mean(), fine[..., 2].mean(), fine.max(axis=2).mean()
    return Mood(
        palette=palette_of(pooled(pixels, 64).reshape(-1, 3)),
        light=float(np.clip(lightness.mean(), 0.0, 1.0)),
        contrast=float(np.clip(high - low, 0.0, 1.0)),
        texture=float(1.0 - np.exp(-np.mean(steps) / DETAIL)) if steps else 0.0,
        warmth=float(np.clip(0.5 + 0.5 * (red - blue) / max(brightest, 1e-6), 0.0, 1.0)),
    )


class ImageMood(ControlNode):
    """Listens to a picture: its colours and light become a style, and signals for any param.

    Nothing leaves this computer. Lightness and colours are measured as the eye sees them (OKLab).
    """

    image = Inlet(Image, "The picture.")
    weight = Held(1.0, "How much the picture counts in the style.", min=0.0, max=2.0)
    style = Outlet(Style, "Palette, light, contrast and texture, for a generator.")
    light = Outlet(Signal, "How light it is on the whole, 0 to 1.")
    contrast = Outlet(Signal, "How far its darks are from its lights, 0 to 1.")
    texture = Outlet(Signal, "How much fine detail it has, 0 to 1.")
    warmth = Outlet(Signal, "From blue (0) to red (1); a grey picture is 0.5.")

    async def run(self) -> None:
        seen: Image | None = None
        async for _ in self.changes():
            if self.image is None:
                continue
            if self.image is not seen:
                seen = self.image
                mood = await self.blocking(mood_of, seen)
                self.light.send(mood.light)
                self.contrast.send(mood.contrast)
                self.texture.send(mood.texture)
                self.warmth.send(mood.warmth)
            features = {
                "palette": [list(color) for color in mood.palette],
                "light": mood.light,
                "contrast": mood.contrast,
                "texture": mood.texture,
            }
            self.style.send(Style((Part(weight=self.weight, image=features),)))
