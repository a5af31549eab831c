"""image: pictures from a file or a folder."""

from pathlib import Path

from PIL import Image as Picture
from PIL import ImageOps

from graphflow import ControlNode, Held, Outlet, Setting
from graphflow import Image as Pixels

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
LARGEST = 512  # pixels on the longer side: enough for what a picture says about music


def pictures(place: Path) -> list[tuple[Path, float]]:
    """The picture itself, or those of a folder in the order of their names, each with the time it was last written."""
    files = [file for file in place.iterdir() if file.suffix.lower() in ENDINGS] if place.is_dir() else [place]
    return [(file, file.stat().st_mtime) for file in sorted(files)]


def decoded(file: Path) -> Pixels:
    """The picture upright, in red, green and blue, of a size that is enough."""
    with Picture.open(file) as opened:
        opened.draft("RGB", (LARGEST, LARGEST))  # a large JPEG is decoded small at once
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    upright.thumbnail((LARGEST, LARGEST))
    return Pixels(upright.width, upright.height, upright.tobytes(), file.name)


class Image(ControlNode):
    """Shows a picture, or those of a folder in turn.

    A picture that is written again is shown again, and a folder may be filled while it plays. What cannot be read
    is named once and left out.
    """

    file = Setting("", "A picture, or a folder of pictures.")
    every = Held(30.0, "How long each picture stays.", "s", min=0.1, max=3600.0, warp="exp")
    image = Outlet(Pixels, "The picture.")

    async def run(self) -> None:
        place = self.folder / Path(self.file).expanduser()
        complaints: set[str] = set()
        shown: tuple[Path, float] | None = None
        turn = 0
        while True:
            complaint = ""
            try:
                found = await self.blocking(pictures, place) if self.file else []
                if found:
                    picture = found[turn % len(found)]
                    turn += 1
                    if picture != shown:
                        self.image.send(await self.blocking(decoded, picture[0]))
                        shown = picture
                else:
                    complaint = f".file is '{self.file}'; expected a picture or a folder of pictures"
            except (OSError, ValueError, SyntaxError, Picture.DecompressionBombError) as error:  # what Pillow raises
                complaint = f".file is '{self.file}'; expected pictures that can be read ({error})"
            if complaint and complaint not in complaints:
                complaints.add(complaint)
                self.report(complaint)
            await self.sleep(self.every)
