"""Makers of odd and bad picture files, each with what must come out of it.

Pictures are 40 x 32 pixels with one color on the left and one on the right, so that two colors
describe a whole picture.
"""

import io
import random
import struct
import zlib

from PIL import Image, ImageCms, PngImagePlugin

WIDTH, HEIGHT = SIZE = 40, 32
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def halves(mode, left, right):
    picture = Image.new(mode, SIZE, left)
    picture.paste(right, (WIDTH // 2, 0, WIDTH, HEIGHT))
    return picture


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def saved(mode, left, right, kind="PNG", **options):
    return encoded(halves(mode, left, right), kind, **options)


def packed(mode, code, left, right, kind):
    """A picture of a mode that Pillow cannot paste into."""
    row = struct.pack(f"{WIDTH}{code}", *[left] * (WIDTH // 2), *[right] * (WIDTH // 2))
    return encoded(Image.frombytes(mode, SIZE, row * HEIGHT), kind)


def palette(kind="PNG", **options):
    picture = Image.new("P", SIZE, 0)
    picture.putpalette([*RED, *BLUE])
    picture.paste(1, (WIDTH // 2, 0, WIDTH, HEIGHT))
    return encoded(picture, kind, **options)


def lab():
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return encoded(
        ImageCms.profileToProfile(halves("RGB", (200, 60, 40), WHITE), *profiles, outputMode="LAB"),
        "TIFF",
    )


def srgb_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile():
    """sRGB's profile with its red and green primaries exchanged: red pixels mean green."""
    renamed = srgb_profile().replace(b"rXYZ", b"----", 1).replace(b"gXYZ", b"rXYZ", 1)
    return renamed.replace(b"----", b"gXYZ", 1)


def linear_grey_profile():
    """A profile for grey pixels that are proportional to light."""
    texts = b"desc" + struct.pack(">II", 0, 2) + b"g\0" + bytes(78)
    white = b"XYZ " + struct.pack(">I3i", 0, 0xF6D6, 0x10000, 0xD32D)
    curve = b"curv" + struct.pack(">IIHH", 0, 1, 0x100, 0)  # gamma 1.0
    tags = {b"desc": texts, b"wtpt": white, b"kTRC": curve, b"cprt": b"text" + bytes(8)}
    table, data = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(data), len(tag))
        data += tag + bytes(-len(tag) % 4)
    light = struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    header = b"none" + struct.pack(">I", 0x02100000) + b"mntrGRAYXYZ " + bytes(12) + b"acsp"
    header = header + bytes(28) + light
    body = header + bytes(124 - len(header)) + table + data
    return struct.pack(">I", len(body) + 4) + body


def animated(kind):
    frames = [Image.new("RGB", SIZE, RED), Image.new("RGB", SIZE, BLUE)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


def png_with_texts():
    texts = PngImagePlugin.PngInfo()
    for name in ("transparency", "icc_profile", "exif", "Description"):
        texts.add_itxt(name, "a text, not what Pillow keeps under this name")
    return saved("RGB", RED, BLUE, pnginfo=texts)


def png_of(width, height, *chunks, depth=8, kind=2):
    """A PNG of a depth and a kind of color, of these chunks, (name, data)."""
    header = (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    data = b""
    for name, body in (header, *chunks):
        check = struct.pack(">I", zlib.crc32(name + body))
        data += struct.pack(">I", len(body)) + name + body + check
    return b"\x89PNG\r\n\x1a\n" + data


def png_header(width, height):
    """A PNG that claims a size and carries no pixels."""
    return png_of(width, height, (b"IDAT", b""))


def grey_png(depth, row, *chunks):
    """A gray PNG of equal rows."""
    pixels = b"IDAT", zlib.compress((b"\0" + row) * HEIGHT)
    return png_of(WIDTH, HEIGHT, *chunks, pixels, (b"IEND", b""), depth=depth, kind=0)


def tiff(bits, pixels, numbers=1, photometric=None, order="<", **more):
    """A TIFF written tag by tag: of the kinds that Pillow reads and does not write, or neither.

    Tags in `more` are called by their number, as in t338=(2,).
    """
    shorts = {
        256: (WIDTH,), 257: (HEIGHT,), 258: bits, 259: (1,), 277: (len(bits),), 278: (HEIGHT,),
        262: (2 if len(bits) > 2 else 1,) if photometric is None else (photometric,),
        339: (numbers,) * len(bits), 279: (len(pixels),),
    } | {int(name[1:]): values for name, values in more.items()}  # fmt: skip
    end = 8 + 2 + 12 * (len(shorts) + 1) + 4
    entries, beyond = {}, b""
    for tag, values in shorts.items():
        packed = struct.pack(f"{order}{len(values)}H", *values)
        if len(packed) > 4:
            beyond, packed = beyond + packed, struct.pack(f"{order}I", end + len(beyond))
        entries[tag] = struct.pack(f"{order}HHI", tag, 3, len(values)) + packed.ljust(4, b"\0")
    entries[273] = struct.pack(f"{order}HHII", 273, 4, 1, end + len(beyond))
    head = b"II*\0" if order == "<" else b"MM\0*"
    head += struct.pack(f"{order}IH", 8, len(entries))
    return head + b"".join(entries[tag] for tag in sorted(entries)) + bytes(4) + beyond + pixels


TEXT = b"a" * 1_200_000
LONG_TEXTS = {
    "packed": (b"zTXt", b"Comment\0\0" + zlib.compress(TEXT)),
    "international": (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(TEXT)),
    "plain": (b"tEXt", b"Comment\0" + 60 * TEXT),
}


def twelve_bits():
    """A JPEG whose header says 12 bits a color."""
    return noisy("JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c")


def cut(data, share):
    return data[: int(len(data) * share)]


def flipped(data):
    """One byte in the middle is wrong."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]


def plain(shape=(WIDTH, HEIGHT), kind="PNG", **options):
    return encoded(Image.new("RGB", shape, RED), kind, **options)


def noisy(kind="PNG", **options):
    """A picture whose bytes are spread over all its rows."""
    noise = random.Random(0).randbytes(96 * 64 * 3)
    return encoded(Image.frombytes("RGB", (96, 64), noise), kind, **options)


SRGB, SWAPPED, LINEAR_GREY = srgb_profile(), swapped_profile(), linear_grey_profile()
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90 90\n%%EndComments\nshowpage\n%%EOF\n"
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)

# (value * alpha + 255 * (255 - alpha)) / 255 for the values 200, 100, 0 and the alpha 128.
MIXED = (227, 177, 127)
TEAL = (9, 99, 199)

RGB = bytes(3 * WIDTH * HEIGHT)

# Name of the file: (bytes, color on the left, color on the right, tolerance in 8-bit steps).
ODD = {
    "grey.png": (saved("L", 60, 200), (60,) * 3, (200,) * 3, 0),
    "grey.jpg": (saved("L", 60, 200, "JPEG"), (60,) * 3, (200,) * 3, 4),
    "one_bit.png": (saved("1", 0, 1), BLACK, WHITE, 0),
    "one_bit_fax.tif": (saved("1", 0, 1, "TIFF", compression="group4"), BLACK, WHITE, 0),
    "palette.png": (palette(), RED, BLUE, 0),
    "palette.gif": (palette("GIF"), RED, BLUE, 0),
    "cmyk.tif": (saved("CMYK", (0, 255, 255, 0), (0, 0, 0, 128), "TIFF"), RED, (127,) * 3, 0),
    "cmyk.jpg": (saved("CMYK", (0, 255, 255, 0), (0, 0, 0, 128), "JPEG"), RED, (127,) * 3, 4),
    "ycbcr.tif": (
        saved("YCbCr", (76, 85, 255), (128,) * 3, "TIFF", compression="tiff_lzw"),
        (254, 0, 0), (128,) * 3, 1,
    ),
    "lab.tif": (lab(), (200, 60, 40), WHITE, 2),
    "grey_16.png": (packed("I;16", "H", 0x4000, 0xFFFF, "PNG"), (64,) * 3, WHITE, 0),
    "grey_16_dark.png": (packed("I;16", "H", 100, 200, "PNG"), BLACK, (1,) * 3, 0),
    "grey_16_dark.pgm": (packed("I", "i", 100, 200, "PPM"), BLACK, (1,) * 3, 0),
    "grey_16.tif": (packed("I;16", "H", 0x0800, 0x8000, "TIFF"), (8,) * 3, (128,) * 3, 0),
    "grey_16_white_is_zero.tif": (
        tiff((16,), struct.pack("<40H", *[0x4000] * 20, *[0xFFFF] * 20) * HEIGHT, photometric=0),
        (191,) * 3, BLACK, 0,
    ),
    "float_white_is_zero.tif": (
        tiff((32,), struct.pack("<40f", *[0.25] * 20, *[1.0] * 20) * HEIGHT, 3, photometric=0),
        (191,) * 3, BLACK, 0,
    ),
    "grey_12.tif": (
        tiff((12,), (b"\x40\x04\x00" * 10 + b"\xff" * 30) * HEIGHT), (64,) * 3, WHITE, 0,
    ),
    "grey_32_of_16.tif": (packed("I", "i", 0x4000, 0xFFFF, "TIFF"), (64,) * 3, WHITE, 0),
    "grey_32_of_8.tif": (packed("I", "i", 64, 200, "TIFF"), (64,) * 3, (200,) * 3, 0),
    "float_black.tif": (packed("F", "f", 0.0, 0.0, "TIFF"), BLACK, BLACK, 0),
    "float_dark.tif": (packed("F", "f", 0.0, 0.2, "TIFF"), BLACK, (51,) * 3, 0),
    "float.tif": (packed("F", "f", 0.25, 1.0, "TIFF"), (64,) * 3, WHITE, 0),
    "float_a_bit_over.tif": (packed("F", "f", 0.25, 1.04, "TIFF"), (64,) * 3, WHITE, 0),
    "float_of_255.tif": (packed("F", "f", 64.0, 200.0, "TIFF"), (64,) * 3, (200,) * 3, 0),
    "profile_srgb.png": (saved("RGB", TEAL, RED, icc_profile=SRGB), TEAL, RED, 1),
    "profile_swapped.png": (saved("RGB", RED, BLUE, icc_profile=SWAPPED), GREEN, BLUE, 2),
    "profile_swapped.jpg": (
        saved("RGB", RED, BLUE, "JPEG", icc_profile=SWAPPED, subsampling=0),
        GREEN, BLUE, 4,
    ),
    "profile_rgb_on_grey.png": (saved("L", 0, 255, icc_profile=SRGB), BLACK, WHITE, 1),
    # In sRGB, 128 / 255 of the light is 188.
    "profile_grey.png": (saved("L", 128, 255, icc_profile=LINEAR_GREY), (188,) * 3, WHITE, 1),
    "broken_exif.jpg": (saved("RGB", RED, RED, "JPEG", exif=b"Exif\0\0no such thing"), RED, RED, 4),
    "broken_exif.png": (saved("RGB", RED, RED, exif=b"Exif\0\0no such thing"), RED, RED, 0),
    "texts_with_odd_names.png": (png_with_texts(), RED, BLUE, 0),
    "two_in_one_from_a_phone.jpg": (animated("MPO"), RED, RED, 4),
    # Its smaller copies lie in SubIFDs, but the first picture is the whole one.
    "pyramid.tif": (tiff((8, 8, 8), bytes(TEAL) * (WIDTH * HEIGHT), t330=(8,)), TEAL, TEAL, 0),
    "lossless.webp": (saved("RGB", TEAL, RED, "WEBP", lossless=True), TEAL, RED, 0),
    "windows.bmp": (saved("RGB", TEAL, RED, "BMP"), TEAL, RED, 0),
    "progressive.jpg": (saved("RGB", RED, RED, "JPEG", progressive=True), RED, RED, 4),
    "in fact a PNG.jpg": (saved("RGB", RED, BLUE), RED, BLUE, 0),
    "gemälde 猫 ü.png": (saved("RGB", RED, BLUE), RED, BLUE, 0),
    "no_suffix": (saved("RGB", RED, BLUE), RED, BLUE, 0),
}  # fmt: skip

# Name of the file: (bytes, left, right, phrase in the warning).
CLEAR = "is transparent in parts, and is laid over white"
WARNED = {
    "palette_one_clear.png": (palette(transparency=0), WHITE, BLUE, CLEAR),
    "palette_half_clear.png": (
        palette(transparency=bytes([128, 255])), (255, 127, 127), BLUE, CLEAR,
    ),
    "grey_alpha.png": (saved("LA", (100, 128), (100, 0)), (177,) * 3, WHITE, CLEAR),
    "alpha.png": (saved("RGBA", (200, 100, 0, 128), (0, 0, 0, 255)), MIXED, BLACK, CLEAR),
    "alpha.tif": (saved("RGBA", (200, 100, 0, 128), (9, 9, 9, 0), "TIFF"), MIXED, WHITE, CLEAR),
    "color_key.png": (saved("RGB", RED, BLUE, transparency=RED), WHITE, BLUE, CLEAR),
    "grey_key.png": (saved("L", 60, 200, transparency=60), WHITE, (200,) * 3, CLEAR),
    "grey_16_key.png": (
        grey_png(16, b"\x40\x00" * 20 + b"\x40\x01" * 20, (b"tRNS", b"\x40\x00")),
        WHITE, (64,) * 3, CLEAR,
    ),
    "grey_4_key.png": (
        grey_png(4, b"\x55" * 10 + b"\x66" * 10, (b"tRNS", b"\0\5")), WHITE, (102,) * 3, CLEAR,
    ),
    "grey_2_key.png": (
        grey_png(2, b"\x55" * 5 + b"\xaa" * 5, (b"tRNS", b"\0\1")), WHITE, (170,) * 3, CLEAR,
    ),
    # The color is converted before it is mixed with white.
    "profile_swapped_alpha.png": (
        saved("RGBA", (*RED, 128), (*RED, 0), icc_profile=SWAPPED), (127, 255, 127), WHITE, CLEAR,
    ),
    "animated.gif": (animated("GIF"), RED, RED, "more than one frame"),
    "animated.webp": (animated("WEBP"), RED, RED, "more than one frame"),
    "animated.png": (animated("PNG"), RED, RED, "more than one frame"),
    "pages.tif": (animated("TIFF"), RED, RED, "more than one frame"),
    "broken_profile.png": (saved("RGB", RED, BLUE, icc_profile=b"none" * 50), RED, BLUE, "profile"),
    "cut_profile.png": (saved("RGB", RED, BLUE, icc_profile=SRGB[:200]), RED, BLUE, "profile"),
    "rgb_profile_on_cmyk.tif": (
        saved("CMYK", (0, 255, 255, 0), (0, 0, 0, 0), "TIFF", icc_profile=SRGB),
        RED, WHITE, "it is for RGB, the picture is CMYK",
    ),
    "grey_profile_on_rgb.png": (
        saved("RGB", RED, BLUE, icc_profile=LINEAR_GREY), RED, BLUE, "it is for L",
    ),
}  # fmt: skip

# Name of the file: (bytes, phrase in the ValueError).
BAD = {
    "empty.png": (b"", "empty"),
    "text.jpg": (b"This is not a picture, whatever its name says.\n", "neither PNG"),
    "page.png": (b"\n<!DOCTYPE html><html><body>404 Not Found</body></html>", "web page"),
    "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    "document.jpg": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "PDF"),
    "photo.heic": (HEIC, "HEIC"),
    "photo.jxl": (b"\xff\x0a" + bytes(64), "JPEG XL picture; export it as PNG"),
    "boxed.jxl": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(64), "JPEG XL picture"),
    "scan.jls": (b"\xff\xd8\xff\xf7\0\x0b\x08" + bytes(64), "JPEG-LS"),
    "sky.hdr": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n", r"high dynamic range \(Radiance HDR\)"),
    "sky.exr": (b"v/1\x01" + bytes(64), r"high dynamic range \(OpenEXR\); export it as PNG"),
    "film.mp4": (b"\0\0\0\x20ftypisom" + bytes(64), "a film; save one of its frames"),
    "film.mov": (b"\0\0\0\x14ftypqt  " + bytes(64), "a film"),
    "film.webm": (b"\x1a\x45\xdf\xa3" + bytes(64), "a film"),
    "project.xcf": (b"gimp xcf v011\0" + bytes(64), "GIMP"),
    "archive.jpg": (b"PK\x03\x04" + bytes(64), "ZIP"),
    "twelve.jpg": (twelve_bits(), "JPEG of 12 bits a color; export it"),
    "floats.tif": (tiff((32, 32, 32), bytes(12 * WIDTH * HEIGHT), 3), r"3 x 32 bits a pixel"),
    "half.tif": (tiff((16,), bytes(2 * WIDTH * HEIGHT), 3), r"1 x 16 bits a pixel \(floats"),
    "alpha_16.tif": (
        tiff((16, 16), bytes(4 * WIDTH * HEIGHT), t338=(2,)), r"2 x 16 bits a pixel \(whole",
    ),
    "webp.tif": (tiff((8, 8, 8), bytes(99), t259=(50001,)), "compressed with WebP; save it as PNG"),
    "jxl.tif": (tiff((8, 8, 8), bytes(99), t259=(50002,)), "compressed with JPEG XL"),
    "other.tif": (tiff((8, 8, 8), bytes(99), t259=(999,)), "compressed with method 999"),
    "photo.dng": (tiff((8, 8, 8), RGB, t50706=(1, 4)), "camera raw file; export it as JPEG first"),
    "photo.nef": (tiff((8, 8, 8), RGB, t254=(1,), t330=(8,)), "camera raw file"),
    "unknown.dng": (tiff((14,), RGB, t50706=(1, 4)), "camera raw file"),
    "photo.cr3": (b"\0\0\0\x18ftypcrx " + bytes(64), "camera raw file"),
    "photo.raf": (b"FUJIFILMCCD-RAW 0201" + bytes(64), "camera raw file"),
    "drawing.eps": (EPS, "drawing"),
    "pointer.jpg": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "signature_only.png": (b"\x89PNG\r\n\x1a\n", "damaged or cut off"),
    "header_only.jpg": (cut(noisy("JPEG"), 0.02), "completely"),
    "bomb.png": (png_header(50_000, 50_000), "too large"),
    "bomb_that_pillow_would_only_warn_of.png": (png_header(10_000, 10_000), "10000 x 10000"),
    "just_over.png": (png_header(8001, 8000), "at most 64 million"),
    "just_fits_but_no_pixels.png": (png_header(8000, 8000), "completely"),
    "no_width.png": (png_header(0, 40), "damaged"),
    "thirty_one.png": (plain((31, 200)), "31 x 200"),
    "one_row.png": (plain((5000, 1)), "5000 x 1"),
    "one_column.png": (plain((1, 5000)), "1 x 5000"),
    "one_pixel.gif": (plain((1, 1), "GIF"), "1 x 1"),
    "grey_32_signed.tif": (packed("I", "i", -(2**30), 2**30, "TIFF"), "values from -1.07"),
    "grey_32_to_1000.tif": (packed("I", "i", 0, 1000, "TIFF"), "expected 0 to 1, 0 to 255 or 0"),
    "float_to_1.2.tif": (packed("F", "f", 0.0, 1.2, "TIFF"), "values from 0 to 1.2"),
    "float_to_2.tif": (packed("F", "f", 0.0, 2.0, "TIFF"), "values from 0 to 2"),
    "float_signed.tif": (packed("F", "f", -1.0, 1.0, "TIFF"), "values from -1 to 1"),
    "float_to_300.tif": (packed("F", "f", 0.0, 300.0, "TIFF"), "Scale them to 0 to 1 first"),
    "not_a_number.tif": (packed("F", "f", float("nan"), 1.0, "TIFF"), "NaN"),
    "infinite.tif": (packed("F", "f", float("inf"), 1.0, "TIFF"), "infinite"),
    "flipped_bits.png": (flipped(noisy()), "completely"),
    "flipped_header.png": (noisy().replace(b"IHDR", b"IHDX"), "damaged"),
}  # fmt: skip

# Name: bytes of a whole picture, of which every beginning is bad.
CUTTABLE = {
    "baseline.jpg": noisy("JPEG"),
    "progressive.jpg": noisy("JPEG", progressive=True),
    "plain.png": noisy(),
    "picture.webp": noisy("WEBP"),
    "lossless.webp": noisy("WEBP", lossless=True),
    "raw.tif": noisy("TIFF"),
    "packed.tif": noisy("TIFF", compression="tiff_lzw"),
    "picture.gif": noisy("GIF"),
    "picture.bmp": noisy("BMP"),
}
