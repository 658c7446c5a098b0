#!/usr/bin/env python3
"""Writes JPEG files that a decoder finds as laborious as photos, the same ones on every machine.

    make_photos.py --count 200 --output build/bench/photos

Clouds of all sizes (noise whose strength falls with its frequency, as in photos), a few shapes with
hard edges, and the grain of a sensor. Sizes from 640x480 to 1920x1080, every fourth upright, 4:2:0,
quality 85 to 95. Needs numpy and Pillow.
"""

import argparse
from pathlib import Path

import numpy
from PIL import Image, ImageDraw, ImageFilter

SEED = 20261
SIZES = ((640, 480), (1024, 768), (1920, 1080))
QUALITIES = (85, 88, 90, 92, 95)
UPRIGHT_EVERY = 4
GRAIN = 4.0  # of 255
FINEST = 9  # octaves


def clouds(source, size):
    """f32 [height, width, 3] from 0 to 255."""
    width, height = size
    sky = numpy.zeros((height, width, 3), numpy.float32)
    for octave in range(1, FINEST + 1):
        cells = 2**octave
        grid = source.standard_normal((max(2, cells * height // width), cells, 3), numpy.float32)
        # Colours vary slowly, brightness does not.
        grid = grid * min(1.0, 4.0 / cells) + grid[:, :, :1]
        for channel in range(3):
            layer = Image.fromarray(grid[:, :, channel]).resize(size, Image.Resampling.BICUBIC)
            sky[:, :, channel] += numpy.asarray(layer) * 0.68**octave
    sky *= source.uniform(25, 45) / sky.std()
    return sky + source.uniform(70, 180, 3).astype(numpy.float32)


def shapes(source, picture):
    """Things with edges, each of one colour."""
    draw = ImageDraw.Draw(picture, "RGBA")
    for _ in range(source.integers(4, 16)):
        centre = source.uniform(0, 1, 2) * picture.size
        reach = source.uniform(0.03, 0.3, 2) * max(picture.size) / 2
        box = [*(centre - reach), *(centre + reach)]
        colour = (*(int(value) for value in source.integers(0, 256, 3)),
                  int(source.integers(120, 256)))
        kind = source.integers(0, 3)
        if kind == 0:
            draw.ellipse(box, fill=colour)
        elif kind == 1:
            draw.rectangle(box, fill=colour)
        else:
            corners = centre + source.uniform(-1, 1, (5, 2)) * reach * 1.5
            draw.polygon([tuple(corner) for corner in corners], fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(0.7))  # a lens is not sharper


def photo(number):
    """(image, quality): the same for the same number."""
    source = numpy.random.Generator(numpy.random.PCG64([SEED, number]))
    size = SIZES[number % len(SIZES)]
    if number % UPRIGHT_EVERY == UPRIGHT_EVERY - 1:
        size = size[::-1]
    pixels = numpy.clip(clouds(source, size), 0, 255).astype(numpy.uint8)
    picture = shapes(source, Image.fromarray(pixels))
    grain = source.standard_normal((size[1], size[0], 1), numpy.float32) * GRAIN
    noisy = numpy.clip(numpy.asarray(picture) + grain, 0, 255).astype(numpy.uint8)
    return Image.fromarray(noisy), QUALITIES[number % len(QUALITIES)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    size = 0
    pixels = 0
    for number in range(options.count):
        picture, quality = photo(number)
        path = options.output / f"{number:04d}.jpg"
        picture.save(path, quality=quality, subsampling="4:2:0")
        size += path.stat().st_size
        pixels += picture.width * picture.height
    print(f"{options.output}: {options.count} photos, {size / 1e6:.1f} MB, "
          f"{8 * size / pixels:.2f} bits per pixel")


if __name__ == "__main__":
    main()
