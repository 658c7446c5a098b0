#!/usr/bin/env python3
"""Writes the files in tests/data/images and the seeds of the image fuzz targets.

The images are drawn here. What they must decode to comes from Pillow, what scaling must give too,
and what the processors must give from transformers' slow image processors, so that the tests of
src/image compare against those and not against themselves. Needed: numpy, Pillow and transformers 4
(tried: 2.4.6, 13.0.0, 4.57.6; no torch). Before Pillow 13, some results of scaling differ by 1. The
committed files are the ones that count; run this only to add to them.
"""

import io
import json
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from transformers.models.beit.image_processing_beit import BeitImageProcessor
from transformers.models.bit.image_processing_bit import BitImageProcessor
from transformers.models.clip.image_processing_clip import CLIPImageProcessor
from transformers.models.convnext.image_processing_convnext import ConvNextImageProcessor
from transformers.models.deit.image_processing_deit import DeiTImageProcessor
from transformers.models.detr.image_processing_detr import DetrImageProcessor
from transformers.models.segformer.image_processing_segformer import SegformerImageProcessor
from transformers.models.siglip.image_processing_siglip import SiglipImageProcessor
from transformers.models.vit.image_processing_vit import ViTImageProcessor
from transformers.models.yolos.image_processing_yolos import YolosImageProcessor

ROOT = Path(__file__).resolve().parent.parent / "tests" / "data"
OUT = ROOT / "images"
SEEDS = ROOT / "fuzz"

CLASSES = {cls.__name__: cls for cls in (
    BeitImageProcessor, BitImageProcessor, CLIPImageProcessor, ConvNextImageProcessor,
    DeiTImageProcessor, DetrImageProcessor, SegformerImageProcessor, SiglipImageProcessor,
    ViTImageProcessor, YolosImageProcessor)}


# --- drawing --------------------------------------------------------------------------------------


def picture(width, height, channels=3, seed=1):
    """Gradients, discs and grain: smooth parts, edges and noise, as photographs have."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(channels):
        plane = 110 + 90 * np.sin((x * (c + 1) / max(width, 2) + y / max(height, 2) * 2) * 3.1 + c)
        for _ in range(4):
            cx, cy = rng.uniform(0, width), rng.uniform(0, height)
            radius = rng.uniform(0.1, 0.4) * max(width, height)
            plane[(x - cx) ** 2 + (y - cy) ** 2 < radius ** 2] += rng.uniform(-90, 90)
        planes.append(plane + rng.normal(0, 6, plane.shape))
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def rgb(width=21, height=13, seed=1):
    return Image.fromarray(picture(width, height, 3, seed))


def rgba(width=21, height=13):
    return Image.fromarray(picture(width, height, 4, 2), "RGBA")


# --- writing what Pillow does not write -----------------------------------------------------------


def png_chunk(kind, content):
    return (struct.pack(">I", len(content)) + kind + content
            + struct.pack(">I", zlib.crc32(kind + content)))


def packed_rows(samples, depth):
    """Rows of an array [height, width, channels], each behind the filter byte 0."""
    rows = b""
    for row in samples:
        flat = row.reshape(-1)
        if depth == 16:
            data = flat.astype(">u2").tobytes()
        elif depth == 8:
            data = flat.astype(np.uint8).tobytes()
        else:
            bits = "".join(f"{value:0{depth}b}" for value in flat)
            bits += "0" * (-len(bits) % 8)
            data = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        rows += b"\0" + data
    return rows


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2))


def png(samples, depth, colour_type, interlaced=False, extra=b"", size=None):
    height, width = samples.shape[:2]
    if interlaced:
        parts = (samples[y::dy, x::dx] for x, y, dx, dy in ADAM7)
        rows = b"".join(packed_rows(part, depth) for part in parts if part.size)
    else:
        rows = packed_rows(samples, depth)
    width, height = size or (width, height)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + extra
            + png_chunk(b"IDAT", zlib.compress(rows, 9)) + png_chunk(b"IEND", b""))


def bmp(samples, bits, header_bytes=40, masks=(), palette=b"", compression=0, top_down=False):
    """`samples` [height, width] are pixels as numbers of `bits` bits."""
    height, width = samples.shape
    rows = b""
    for row in (samples if top_down else samples[::-1]):
        if bits >= 8:
            data = b"".join(int(value).to_bytes(bits // 8, "little") for value in row)
        else:
            data = packed_rows(row[None, :, None], bits)[1:]
        rows += data + b"\0" * (-len(data) % 4)
    if header_bytes == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        header = struct.pack("<IiiHHIIiiII", header_bytes, width, -height if top_down else height,
                             1, bits, compression, len(rows), 2835, 2835,
                             len(palette) // 4, 0)
        mask_bytes = b"".join(struct.pack("<I", mask) for mask in masks)
        header = (header + mask_bytes if header_bytes == 40
                  else (header + mask_bytes).ljust(header_bytes, b"\0"))
    begin = 14 + len(header) + len(palette)
    return (b"BM" + struct.pack("<IHHI", begin + len(rows), 0, 0, begin) + header + palette + rows)


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(orientation, big_endian=False, prefix=b"Exif\0\0"):
    order = ">" if big_endian else "<"
    magic = b"MM\0*" if big_endian else b"II*\0"
    # A description before the orientation.
    return (prefix + magic + struct.pack(order + "IH", 8, 2)
            + struct.pack(order + "HHI4s", 0x010E, 2, 4, b"abc\0")
            + struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
            + struct.pack(order + "I", 0))


def xmp(orientation):
    return (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description '
            b'tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>' % orientation)


def raw_profile(orientation):
    data = exif(orientation)
    digits = data.hex()
    lines = "\n".join(digits[i:i + 72] for i in range(0, len(digits), 72))
    return b"Raw profile type exif\0\0" + zlib.compress(
        f"\nexif\n{len(data):8d}\n{lines}\n".encode())


# --- files to decode ------------------------------------------------------------------------------


def png_files():
    small = picture(21, 13)
    deep = (picture(21, 13).astype(int) * 257 + 131) % 65536
    indices = (np.arange(21 * 13).reshape(13, 21, 1) * 7) % 200
    colours = picture(200, 1, seed=5).reshape(-1)
    palette = png_chunk(b"PLTE", colours.tobytes())
    files = {
        "rgb.png": saved(rgb(), "PNG"),
        "rgba.png": saved(rgba(), "PNG"),
        "gray.png": saved(rgb().convert("L"), "PNG"),
        "gray_alpha.png": saved(rgba().convert("LA"), "PNG"),
        "bilevel.png": saved(rgb().convert("1"), "PNG"),
        "gray16.png": png(deep[..., :1] % 700, 16, 0),
        "rgb16.png": png(deep, 16, 2),
        "gray_alpha16.png": png(deep[..., :2], 16, 4),
        "rgba16.png": png(np.concatenate([deep, deep[..., :1]], -1), 16, 6),
        "gray_transparent.png": png(small[..., :1], 8, 0, extra=png_chunk(b"tRNS", b"\0\x50")),
        "rgb_transparent.png": png(small, 8, 2, extra=png_chunk(
            b"tRNS", struct.pack(">HHH", *map(int, small[3, 4])))),
        "palette.png": png(indices, 8, 3, extra=palette),
        "palette_transparent.png": png(indices, 8, 3, extra=palette + png_chunk(
            b"tRNS", bytes(range(0, 200, 2)))),
        "palette_beyond.png": png(indices + 30, 8, 3, extra=palette),
        "gamma.png": png(small, 8, 2, extra=png_chunk(b"gAMA", struct.pack(">I", 100000))),
        "one_pixel.png": saved(rgb(1, 1), "PNG"),
    }
    for depth in (1, 2, 4):
        values = small[..., :1] >> (8 - depth)
        files[f"gray{depth}.png"] = png(values, depth, 0)
        files[f"palette{depth}.png"] = png(values, depth, 3, extra=png_chunk(
            b"PLTE", colours[:3 << depth].tobytes()))
    for name, samples, depth, kind, extra in (
            ("rgb", small, 8, 2, b""), ("gray16", deep[..., :1] % 700, 16, 0, b""),
            ("palette2", small[..., :1] >> 6, 2, 3, png_chunk(b"PLTE", colours[:12].tobytes())),
            ("rgba", np.asarray(rgba()), 8, 6, b"")):
        files[f"interlaced_{name}.png"] = png(samples, depth, kind, True, extra)
    files["interlaced_narrow.png"] = png(picture(3, 2), 8, 2, True)
    for name, chunk in (
            ("exif6", png_chunk(b"eXIf", exif(6, prefix=b""))),
            ("xmp8", png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(8))),
            ("xmp_packed3", png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0"
                                      + zlib.compress(xmp(3)))),
            ("profile5", png_chunk(b"zTXt", raw_profile(5)))):
        files[f"orientation_{name}.png"] = png(picture(9, 5), 8, 2, extra=chunk)
    return files


def jpeg_files():
    cmyk = saved(Image.fromarray(picture(21, 13, 4), "CMYK"), "JPEG", quality=90)
    adobe = cmyk.index(b"Adobe")
    files = {
        "444.jpg": saved(rgb(37, 23), "JPEG", quality=90, subsampling=0),
        "422.jpg": saved(rgb(37, 23), "JPEG", quality=85, subsampling=1),
        "420.jpg": saved(rgb(37, 23), "JPEG", quality=80, subsampling=2),
        "coarse.jpg": saved(rgb(37, 23), "JPEG", quality=8),
        "gray.jpg": saved(rgb(37, 23).convert("L"), "JPEG"),
        "progressive.jpg": saved(rgb(37, 23), "JPEG", progressive=True),
        "restarts.jpg": saved(rgb(37, 23), "JPEG", restart_marker_blocks=2),
        "rgb.jpg": saved(rgb(), "JPEG", keep_rgb=True),
        "cmyk.jpg": cmyk,
        "ycck.jpg": cmyk[:adobe + 11] + b"\2" + cmyk[adobe + 12:],
        "cmyk_progressive.jpg": saved(Image.fromarray(picture(21, 13, 4), "CMYK"), "JPEG",
                                      progressive=True),
        "one_pixel.jpg": saved(rgb(1, 1), "JPEG"),
        "seventeen.jpg": saved(rgb(17, 9), "JPEG", subsampling=2),
    }
    plain = saved(rgb(9, 5), "JPEG", quality=90)
    for orientation in range(10):
        segment = exif(orientation, big_endian=orientation % 2 == 0)
        files[f"orientation{orientation}.jpg"] = (
            plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:])
    packet = b"http://ns.adobe.com/xap/1.0/\0" + xmp(6)
    files["orientation_xmp6.jpg"] = (
        plain[:2] + b"\xff\xe1" + struct.pack(">H", len(packet) + 2) + packet + plain[2:])
    return files


def webp_files():
    frames = [rgb(seed=seed) for seed in (1, 7)]
    return {
        "lossy.webp": saved(rgb(37, 23), "WEBP", quality=80),
        "lossy_alpha.webp": saved(rgba(), "WEBP", quality=80),
        "lossless.webp": saved(rgb(), "WEBP", lossless=True),
        "lossless_alpha.webp": saved(rgba(), "WEBP", lossless=True, exact=True),
        "animated.webp": saved(frames[0], "WEBP", save_all=True, append_images=frames[1:],
                               lossless=True),
        "one_pixel.webp": saved(rgb(1, 1), "WEBP"),
        "orientation6.webp": saved(rgb(9, 5), "WEBP", exif=exif(6)),
    }


def bmp_files():
    small = picture(21, 13).astype(int)
    r, g, b = (small[..., c] for c in range(3))
    colours = b"".join(bytes((*colour, 0)) for colour in picture(256, 1, seed=5).reshape(-1, 3))
    index = (np.arange(21 * 13).reshape(13, 21) * 7) % 256
    true32 = r << 16 | g << 8 | b | 77 << 24
    five = (r >> 3) << 10 | (g >> 3) << 5 | b >> 3
    six = (r >> 3) << 11 | (g >> 2) << 5 | b >> 3
    triples = b"".join(colours[i:i + 3] for i in range(0, len(colours), 4))
    return {
        "rgb.bmp": saved(rgb(), "BMP"),
        "gray.bmp": saved(rgb().convert("L"), "BMP"),
        "bilevel.bmp": saved(rgb().convert("1"), "BMP"),
        "palette8.bmp": bmp(index, 8, palette=colours),
        "palette8_few.bmp": bmp(index % 100, 8, palette=colours[:240]),
        "palette4.bmp": bmp(index % 16, 4, palette=colours[:64]),
        "palette1.bmp": bmp(index % 2, 1, palette=colours[:8]),
        "bits15.bmp": bmp(five, 16),
        "bits15_colours.bmp": bmp(five, 16)[:46] + b"\xff" * 4 + bmp(five, 16)[50:],
        "bits16_masks.bmp": bmp(six, 16, masks=(0xF800, 0x7E0, 0x1F), compression=3),
        "bits24_top_down.bmp": bmp(true32 & 0xFFFFFF, 24, top_down=True),
        "bits32.bmp": bmp(true32, 32),
        "bits32_masks.bmp": bmp(r | g << 8 | b << 16 | 77 << 24, 32, 124, compression=3,
                                masks=(0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
        "bits32_v2.bmp": bmp(true32, 32, 56, compression=3,
                             masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
        "core24.bmp": bmp(true32 & 0xFFFFFF, 24, 12),
        "core8.bmp": bmp(index, 8, 12, palette=triples),
        "v4_24.bmp": bmp(true32 & 0xFFFFFF, 24, 108),
    }


def gif_files():
    paletted = rgb(37, 23).quantize(50)
    plain = saved(paletted, "GIF", interlace=0)
    # The descriptor of the only frame follows the palette.
    descriptor = plain.index(b",\0\0\0\0" + struct.pack("<HH", 37, 23))
    moved = (plain[:6] + struct.pack("<HH", 60, 40) + plain[10:descriptor + 1]
             + struct.pack("<HH", 11, 6) + plain[descriptor + 5:])
    control = b"!\xf9\x04\x01\0\0\x05\0"
    frames = [rgb(21, 13, seed).quantize(16) for seed in (1, 7)]
    noise = Image.fromarray(np.random.default_rng(3).integers(0, 256, (90, 90), np.uint8), "L")
    few = saved(rgb().quantize(5), "GIF", interlace=0)
    return {
        "palette.gif": plain,
        "interlaced.gif": saved(paletted, "GIF", interlace=1),
        "gray.gif": saved(rgb().convert("L"), "GIF"),
        "noise.gif": saved(noise, "GIF"),  # fills the table of strings
        "few.gif": few,
        "bilevel.gif": saved(rgb().convert("1"), "GIF"),
        "moved.gif": moved,
        "moved_transparent.gif": moved[:descriptor] + control + moved[descriptor:],
        "larger_frame.gif": plain[:6] + struct.pack("<HH", 20, 50) + plain[10:],
        "no_palette.gif": few[:10] + bytes([few[10] & 0x7F]) + few[11:13] + few[
            13 + (6 << (few[10] & 7)):],
        "animated.gif": saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "one_pixel.gif": saved(rgb(1, 1), "GIF"),
    }


def write_decode():
    folder = OUT / "decode"
    folder.mkdir(parents=True)
    pixels, manifest = b"", []
    for files in (png_files(), jpeg_files(), webp_files(), bmp_files(), gif_files()):
        for name, data in files.items():
            (folder / name).write_bytes(data)
            image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
            manifest.append({"file": name, "width": image.width, "height": image.height,
                             "begin": len(pixels)})
            pixels += image.tobytes()
    (OUT / "decode.rgb").write_bytes(pixels)
    write_json(OUT / "decode.json", manifest)


def write_bad():
    """What must be refused; the tests make truncations themselves."""
    folder = OUT / "bad"
    folder.mkdir()
    none = np.zeros((1, 1, 3), int)
    (folder / "no_pixels.png").write_bytes(png(none, 8, 2, size=(0, 0)))
    (folder / "huge.png").write_bytes(png(none, 8, 2, size=(30000, 30000)))
    (folder / "bomb.png").write_bytes(png(none, 8, 2, size=(12000, 12000)))
    (folder / "wide.png").write_bytes(png(none, 8, 2, size=(2000000, 1)))
    five = np.zeros((2, 2), int)
    (folder / "rle.bmp").write_bytes(bmp(five, 8, palette=b"\0" * 1024, compression=1))
    (folder / "masks.bmp").write_bytes(bmp(five, 32, masks=(0x3FF, 0, 0), compression=3))


# --- scaling --------------------------------------------------------------------------------------


def write_json(path, entries):
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    path.write_text(f"[\n{lines}\n]\n")


def crc(array):
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


SOURCES = {
    "one_pixel.png": (1, 1), "tall_line.png": (1, 500), "wide_line.png": (500, 1),
    "small.png": (19, 11), "middle.png": (83, 61), "wide.png": (120, 33), "tall.png": (40, 150),
}
SIZES = [(1, 1), (2, 3), (7, 5), (16, 16), (31, 64), (32, 32), (83, 61), (61, 83), (83, 20),
         (20, 61), (100, 100), (224, 224), (333, 1), (1, 333), (500, 17)]


def sources():
    loaded = {name: rgb(*size, seed=11) for name, size in SOURCES.items()}
    photo = rgb(640, 427, seed=12)
    loaded["large.jpg"] = Image.open(io.BytesIO(saved(photo, "JPEG", quality=40)))
    return loaded, saved(photo, "JPEG", quality=40)


def write_sources():
    images, photo = sources()
    for name, image in images.items():
        (OUT / name).write_bytes(photo if name.endswith(".jpg") else saved(image, "PNG"))
    return {name: image.convert("RGB") for name, image in images.items()}


def write_resample(images):
    entries = []
    for name, image in images.items():
        for width, height in SIZES:
            sums = [crc(np.asarray(image.resize((width, height), number))) for number in range(6)]
            entries.append({"source": name, "width": width, "height": height, "crc32": sums})
    write_json(OUT / "resample.json", entries)


# --- processors -----------------------------------------------------------------------------------

CONFIGS = [
    {"image_processor_type": "ViTImageProcessor"},
    {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 48},
     "resample": 3, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]},
    {"image_processor_type": "ViTImageProcessor", "size": 40, "resample": 0},
    {"feature_extractor_type": "ViTFeatureExtractor", "size": [24, 40], "do_normalize": False},
    {"image_processor_type": "ViTImageProcessor", "do_resize": False, "do_rescale": False,
     "image_mean": 100.0, "image_std": 50.5},
    {"image_processor_type": "ViTImageProcessor", "size": 33, "resample": 4, "do_rescale": False,
     "do_normalize": False},
    {"image_processor_type": "DeiTImageProcessor"},
    {"feature_extractor_type": "DeiTFeatureExtractor", "size": 40, "crop_size": 32, "resample": 1},
    {"image_processor_type": "DeiTImageProcessor", "size": {"height": 20, "width": 31},
     "crop_size": {"height": 33, "width": 26}},
    {"image_processor_type": "DeiTImageProcessor", "do_center_crop": False, "size": 25,
     "rescale_factor": 0.0078125},
    {"image_processor_type": "BeitImageProcessor"},
    {"image_processor_type": "BeitImageProcessor", "size": 28, "do_center_crop": False,
     "resample": 2, "do_reduce_labels": True},
    {"image_processor_type": "BeitImageProcessor", "do_resize": False,
     "crop_size": {"height": 30, "width": 35}},
    {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 34}, "crop_size": 28,
     "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]},
    {"image_processor_type": "BitImageProcessor", "size": {"height": 30, "width": 44},
     "crop_size": {"height": 50, "width": 28}, "resample": 5},
    {"image_processor_type": "CLIPImageProcessor"},
    {"feature_extractor_type": "CLIPFeatureExtractor", "size": 32, "crop_size": 32},
    {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 20},
     "crop_size": {"height": 25, "width": 24}, "do_rescale": False},
    {"image_processor_type": "CLIPImageProcessor", "do_resize": False, "crop_size": 37},
    {"image_processor_type": "ConvNextImageProcessor"},
    {"feature_extractor_type": "ConvNextFeatureExtractor", "size": 32, "crop_pct": 0.875,
     "resample": 3},
    {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 48},
     "crop_pct": 0.95},
    {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 48},
     "crop_pct": 1.5},
    {"image_processor_type": "SegformerImageProcessor", "size": {"height": 48, "width": 64}},
    {"feature_extractor_type": "SegformerFeatureExtractor", "size": 35, "reduce_labels": True},
    {"image_processor_type": "SiglipImageProcessor"},
    {"image_processor_type": "SiglipImageProcessor", "size": {"height": 27, "width": 27},
     "resample": 2},
]
for kind in ("Detr", "Yolos"):
    CONFIGS += [
        {"image_processor_type": f"{kind}ImageProcessor",
         "size": {"shortest_edge": 40, "longest_edge": 66}},
        {"feature_extractor_type": f"{kind}FeatureExtractor", "size": 61, "max_size": 90},
        {"image_processor_type": f"{kind}ImageProcessor",
         "size": {"max_height": 50, "max_width": 70}, "resample": 3},
        {"image_processor_type": f"{kind}ImageProcessor", "size": {"height": 30, "width": 45},
         "do_pad": False},
        {"image_processor_type": f"{kind}ImageProcessor",
         "size": {"shortest_edge": 33, "longest_edge": 70},
         "pad_size": {"height": 96, "width": 112}},
        {"image_processor_type": f"{kind}ImageProcessor",
         "size": {"shortest_edge": 83, "longest_edge": 127}},
    ]


def make_processor(config):
    name = config.get("image_processor_type", config.get("feature_extractor_type"))
    return CLASSES[name.replace("FeatureExtractor", "ImageProcessor")].from_dict(dict(config))


def processed(processor, images):
    """None where the reference fails (a side of 0, say)."""
    try:
        out = processor(images, return_tensors="np", input_data_format="channels_last")
    except (ValueError, ZeroDivisionError, MemoryError):
        return None
    return {name: np.asarray(array) for name, array in out.items()}


def write_processors(images):
    entries = []
    batch_names = ["middle.png", "wide.png", "tall.png"]
    for config in CONFIGS:
        processor = make_processor(config)
        results = []
        for name, image in images.items():
            out = processed(processor, [image])
            if out is None:
                results.append({"image": name})
                continue
            values = out["pixel_values"][0].astype(np.float32)
            middle = values.reshape(-1)[values.size // 2]
            results.append({"image": name, "shape": list(values.shape), "crc32": crc(values),
                            "middle": float(middle)})
        entry = {"config": config, "images": results}
        out = processed(processor, [images[name] for name in batch_names])
        if config.get("do_pad", True) and out is not None:
            entry["batch"] = {"images": batch_names, "shape": list(out["pixel_values"].shape),
                              "crc32": crc(out["pixel_values"].astype(np.float32))}
            if "pixel_mask" in out:
                entry["batch"]["mask_crc32"] = crc(out["pixel_mask"].astype(np.int64))
        entries.append(entry)
    write_json(OUT / "processors.json", entries)


# --- fuzzing --------------------------------------------------------------------------------------


def write_seeds():
    for target in ("image_decode_fuzz", "image_processor_fuzz"):
        shutil.rmtree(SEEDS / target, ignore_errors=True)
        (SEEDS / target).mkdir(parents=True)
    for name in ("palette2.png", "interlaced_narrow.png", "orientation_profile5.png", "gray16.png",
                 "orientation6.jpg", "cmyk_progressive.jpg", "one_pixel.jpg", "one_pixel.webp",
                 "lossless_alpha.webp", "animated.webp", "palette4.bmp", "bits16_masks.bmp",
                 "core8.bmp", "few.gif", "moved_transparent.gif", "one_pixel.gif"):
        shutil.copy(OUT / "decode" / name, SEEDS / "image_decode_fuzz" / name)
    for number, config in enumerate(CONFIGS):
        (SEEDS / "image_processor_fuzz" / f"{number:02d}.json").write_text(json.dumps(config))


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    write_decode()
    write_bad()
    images = write_sources()
    write_resample(images)
    write_processors(images)
    write_seeds()


if __name__ == "__main__":
    main()
