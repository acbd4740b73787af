"""Octets of ITU-T X.690 to elements and back, in every length form that it allows.

Relies on whole records in memory. Never shares a line with the decoder under test: it is its twin.
"""


def header(octets, at):
    """Tag octets, length (None when indefinite) and where the content begins."""
    start = at
    if octets[at] & 0x1F == 0x1F:
        at += 1
        while octets[at] & 0x80:
            at += 1
    at += 1
    tag = octets[start:at]
    first = octets[at]
    at += 1
    if first < 0x80:
        return tag, first, at
    if first == 0x80:
        return tag, None, at
    count = first & 0x7F
    return tag, int.from_bytes(octets[at : at + count], "big"), at + count


def element(octets, at):
    """Tag octets, content and the place behind the element."""
    tag, length, content = header(octets, at)
    if length is not None:
        return tag, octets[content : content + length], content + length
    end = content
    while octets[end : end + 2] != b"\0\0":
        _, _, end = element(octets, end)
    return tag, octets[content:end], end + 2


def elements(content):
    """The elements of a content: tag octets and content each."""
    at, found = 0, []
    while at < len(content):
        tag, inner, at = element(content, at)
        found.append((tag, inner))
    return found


def tag(number, constructed=False, octet_class=0x80):
    """The octets of a tag, context-specific unless said otherwise."""
    lead = octet_class | (0x20 if constructed else 0)
    if number < 31:
        return bytes([lead | number])
    groups = []
    while True:
        groups.insert(0, number & 0x7F)
        number >>= 7
        if number == 0:
            break
    return bytes([lead | 31] + [group | 0x80 for group in groups[:-1]] + groups[-1:])


def write(tag_octets, content, random=None):
    """An element. With a source of chance, the length is written in any form that is allowed."""
    length = len(content)
    chance = random.random() if random else 1.0
    if chance < 0.05 and tag_octets[0] & 0x20:
        return tag_octets + b"\x80" + content + b"\0\0"
    minimal = (length.bit_length() + 7) // 8 or 1
    if chance < 0.15:
        count = minimal + random.randrange(3)
        return tag_octets + bytes([0x80 | count]) + length.to_bytes(count, "big") + content
    if length < 0x80:
        return tag_octets + bytes([length]) + content
    return tag_octets + bytes([0x80 | minimal]) + length.to_bytes(minimal, "big") + content


def rewrite(octets, random):
    """The same elements with other forms of length, at every level."""
    out = b""
    for tag_octets, content in elements(octets):
        if tag_octets[0] & 0x20:
            content = rewrite(content, random)
        out += write(tag_octets, content, random)
    return out
