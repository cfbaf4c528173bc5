"""Philox in plain Python integers."""


def philox(counter, key):
    """Philox4x32-10 on Python integers."""
    (a, b, c, d), (k, l) = counter, key
    for _ in range(10):
        first, second = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = second // 2**32 ^ b ^ k, second % 2**32, first // 2**32 ^ d ^ l, first % 2**32
        k, l = (k + 0x9E3779B9) % 2**32, (l + 0xBB67AE85) % 2**32
    return a, b, c, d
