"""Pictures that carry the time at which they were made, in blocks that survive a lossy codec; standard library only."""

import time

WIDTH, HEIGHT = 128, 96  # pixels
_BLOCK = 16
_COLUMNS, _BITS = WIDTH // _BLOCK, 24  # milliseconds, for four hours
_DARK, _BRIGHT = 32, 224


def now_ms() -> int:
    """Return what the clock of this machine shows in every process, in milliseconds modulo 2 ** 24."""
    return time.monotonic_ns() // 1_000_000 % (1 << _BITS)


def draw_clock(made_ms: int) -> bytes:
    """Return the (HEIGHT, WIDTH) grey pixels of a picture; below the bits stand their opposites, as a proof."""
    bits = [made_ms >> place & 1 for place in range(_BITS)]
    bits += [1 - bit for bit in bits]
    rows = []
    for start in range(0, len(bits), _COLUMNS):
        line = b"".join(bytes([_BRIGHT if bit else _DARK]) * _BLOCK for bit in bits[start : start + _COLUMNS])
        rows.append(line * _BLOCK)
    return b"".join(rows)


def read_clock(pixels: bytes) -> int:
    """Return the time in a picture's (HEIGHT, WIDTH) grey pixels.

    Raises:
        ValueError: If it shows no clock.
    """
    bits = []
    for place in range(2 * _BITS):
        row, column = divmod(place, _COLUMNS)
        center = (row * _BLOCK + _BLOCK // 2) * WIDTH + column * _BLOCK + _BLOCK // 2
        bits.append(int(pixels[center] > (_DARK + _BRIGHT) // 2))
    shown, opposite = bits[:_BITS], bits[_BITS:]
    if any(bit == other for bit, other in zip(shown, opposite, strict=True)):
        msg = "the picture shows no clock"
        raise ValueError(msg)
    return sum(bit << place for place, bit in enumerate(shown))


def age_ms(pixels: bytes, at_ms: int) -> int:
    """Return how old a picture was at an instant of `now_ms`."""
    return (at_ms - read_clock(pixels)) % (1 << _BITS)
