"""What an eye makes of a colour: its contrast, how it looks without one kind of cone, how far it is from another.

Colours are '#rrggbb' of sRGB (IEC 61966-2-1); channels run from 0 to 255.
"""

from math import atan2, cos, degrees, exp, hypot, radians, sin, sqrt

# Machado, Oliveira and Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
# IEEE TVCG 15(6), severity 1.0: rows of the matrices that are applied to linear RGB.
BLIND = {
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
WHITE = (0.95047, 1.0, 1.08883)  # D65
TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))


def channels(colour, over=None):
    """Red, green, blue from 0 to 255; a colour with alpha as it looks over another."""
    digits = colour.removeprefix("#")
    rgb = [int(digits[i : i + 2], 16) for i in (0, 2, 4)]
    if len(digits) == 8:
        alpha = int(digits[6:], 16) / 255
        rgb = [alpha * top + (1 - alpha) * below for top, below in zip(rgb, channels(over), strict=True)]
    return rgb


def linear(rgb):
    def one(channel):
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    return [one(channel) for channel in rgb]


def luminance(rgb):
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear(rgb), strict=True))


def contrast(one, other, over=None):
    """WCAG 2.2: from 1 to 21."""
    high, low = sorted((luminance(channels(one, over)), luminance(channels(other, over))), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _times(matrix, values):
    return [sum(weight * value for weight, value in zip(row, values, strict=True)) for row in matrix]


def seen(colour, by=None):
    """Linear RGB as somebody sees it: by a name of BLIND, or by a full set of cones."""
    rgb = linear(channels(colour))
    return [min(max(share, 0), 1) for share in _times(BLIND[by], rgb)] if by else rgb


def lab(rgb):
    """CIE L*, a*, b* of linear RGB."""

    def curve(share):
        return share ** (1 / 3) if share > 216 / 24389 else (24389 / 27 * share + 16) / 116

    x, y, z = (curve(value / white) for value, white in zip(_times(TO_XYZ, rgb), WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one, other, by=None):
    """CIEDE2000 between two colours as `by` sees them."""
    return delta_e(lab(seen(one, by)), lab(seen(other, by)))


def delta_e(one, other):
    """CIEDE2000 (Sharma, Wu and Dalal 2005, equations 2 to 22) between two L*a*b* triples."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (hypot(a1, b1) + hypot(a2, b2)) / 2
    stretch = 1.5 - 0.5 * sqrt(mean**7 / (mean**7 + 25**7))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = hypot(a1, b1), hypot(a2, b2)
    h1, h2 = (degrees(atan2(b, a)) % 360 if a or b else 0 for a, b in ((a1, b1), (a2, b2)))
    turn = h2 - h1
    if c1 * c2 == 0:
        turn, hue = 0, h1 + h2
    else:
        turn -= 360 if turn > 180 else -360 if turn < -180 else 0
        hue = (h1 + h2) / 2 if abs(h1 - h2) <= 180 else (h1 + h2 + (360 if h1 + h2 < 360 else -360)) / 2
    light, chroma = l2 - l1, c2 - c1
    arc = 2 * sqrt(c1 * c2) * sin(radians(turn / 2))
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    t = 1 - 0.17 * cos(radians(hue - 30)) + 0.24 * cos(radians(2 * hue))
    t += 0.32 * cos(radians(3 * hue + 6)) - 0.2 * cos(radians(4 * hue - 63))
    sl = 1 + 0.015 * (mean_l - 50) ** 2 / sqrt(20 + (mean_l - 50) ** 2)
    sc, sh = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    twist = -2 * sqrt(mean_c**7 / (mean_c**7 + 25**7)) * sin(radians(60 * exp(-(((hue - 275) / 25) ** 2))))
    parts = light / sl, chroma / sc, arc / sh
    return sqrt(sum(part**2 for part in parts) + twist * parts[1] * parts[2])
