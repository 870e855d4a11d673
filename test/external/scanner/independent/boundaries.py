"""Packages that no image has: of each ecosystem some that advisories name, at the very versions where something begins or ends."""

from collections import defaultdict
from zlib import crc32

from installed import Package

TYPES = {
    "Alpine": "apk",
    "Debian": "deb",
    "AlmaLinux": "rpm",
    "npm": "npm",
    "crates.io": "cargo",
    "Go": "golang",
    "PyPI": "pypi",
    "RubyGems": "gem",
    "Packagist": "composer",
    "Maven": "maven",
}
NAMES = 60
VERSIONS = 5


def boundaries(advisories):
    """By ecosystem; the choice is the same each time."""
    names = defaultdict(list)
    for ecosystem, name in advisories.affecting:
        if ecosystem.split(":")[0] in TYPES:
            names[ecosystem].append(name)
    for ecosystem in sorted(names):
        for name in sorted(names[ecosystem], key=chance)[:NAMES]:
            yield from at_edges(ecosystem, name, advisories.affecting[ecosystem, name])


def at_edges(ecosystem, name, entries):
    edges = set()
    for one in entries:
        events = [at for events in one.ranges for event in events for at in event.values()]
        module = None if one.module in ("none", "any") else one.module
        edges |= {(at, module) for at in [*events, *one.versions[:2]] if at not in ("0", "*", "~")}
    for version, module in sorted(edges, key=lambda edge: chance(f"{name} {edge}"))[:VERSIONS]:
        yield Package(TYPES[ecosystem.split(":")[0]], name, version, "", ecosystem, name, version, module)


def chance(text):
    return crc32(text.encode())
