"""The order of two versions, asked of the vendors' own programs: each runs once and answers line by line."""

import re
import shutil
import subprocess
from functools import lru_cache
from os.path import dirname, join, realpath

from packaging.version import InvalidVersion, Version

HERE = dirname(realpath(__file__))

PERL = r"""
$| = 1;
while (<STDIN>) { chomp; my ($a, $b) = split /\t/; my $r = eval { version_compare($a, $b) }; print defined $r ? $r : 'x', "\n" }
"""
LUA = r"""
for line in io.lines() do
  local a, b = line:match('^(.-)\t(.*)$')
  io.write(rpm.vercmp(a, b), '\n')
  io.stdout:flush()
end
"""
RUBY = r"""
$stdout.sync = true
while line = $stdin.gets
  a, b = line.chomp.split("\t")
  ok = Gem::Version.correct?(a) && Gem::Version.correct?(b)
  puts(ok ? Gem::Version.new(a) <=> Gem::Version.new(b) : 'x')
end
"""
NODE = r"""
const semver = require(process.argv[1])
// Advisories hold 3.11 and 1.9.0b1, which npm itself would refuse: what it takes them for when it must take something.
const read = (text) => semver.valid(text) ?? semver.coerce(text)
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const [a, b] = line.split('\t').map(read)
  console.log(a && b ? semver.compare(a, b) : 'x')
})
"""


class Program:
    """@returns None when the program says that one of them is no version."""

    def __init__(self, *command):
        self.command, self.process = command, None

    @lru_cache(maxsize=None)
    def __call__(self, a, b):
        if self.process is None:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
        self.process.stdin.write(f"{a}\t{b}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer == "":
            raise RuntimeError(f"{self.command[0]} ended at {a} and {b}")
        return None if answer == "x" else int(answer)


def pep440(a, b):
    try:
        a, b = Version(a), Version(b)
    except InvalidVersion:
        return None
    return (a > b) - (a < b)


def order(a, b):
    return (a > b) - (a < b)


APK = re.compile(r"^(\d+)((?:\.\d+)*)([a-z]?)((?:_[a-z]+\d*)*)(?:~[0-9a-f]+)?(?:-r(\d+))?(.*)$")
APK_SUFFIXES = ["alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"]


def apk(a, b):
    """There is no apk on Debian. Source: apk-package(5), "VERSION"; right on all valid ones of the published vectors."""
    a, b = apk_key(a), apk_key(b)
    if a is None or b is None:
        return None
    for x, y in zip(a[0], b[0]):
        # From the second on, a leading zero makes it a decimal fraction.
        fraction = x is not a[0][0] and (x[0] == "0" or y[0] == "0")
        result = order(x, y) if fraction else order(int(x), int(y))
        if result:
            return result
    if len(a[0]) != len(b[0]):
        return order(len(a[0]), len(b[0]))
    # `4.10-1-r1` is no version: apk reads it as far as it can.
    return None if a[-1] or b[-1] else order(a[1:], b[1:])


def apk_key(text):
    found = APK.match(text)
    if not found:
        return None
    first, more, letter, suffixes, revision, rest = found.groups()
    ranks = []
    for name, number in re.findall(r"_([a-z]+)(\d*)", suffixes):
        if name not in APK_SUFFIXES:
            return None
        ranks.append((APK_SUFFIXES.index(name), int(number or 0)))
    return [first, *more.split(".")[1:]], letter, [*ranks, (APK_SUFFIXES.index(""), 0)], int(revision or 0), rest


COMPOSER = re.compile(
    r"^v?(\d{1,5})(\.\d+)?(\.\d+)?(\.\d+)?"
    r"(?:[._-]?(?:(stable|beta|b|RC|alpha|a|patch|pl|p)((?:[.-]?\d+)*)?)?([.-]?dev)?)?(?:\+\S+)?$",
    re.I,
)
STABILITY = {"dev": 0, "alpha": 1, "a": 1, "beta": 2, "b": 2, "rc": 3, "": 4, "stable": 4, "patch": 5, "pl": 5, "p": 5}


def composer(a, b):
    """Source: composer/semver, VersionParser::normalize, and PHP's version_compare."""
    a, b = composer_key(a), composer_key(b)
    return None if a is None or b is None else order(a, b)


def composer_key(text):
    found = COMPOSER.match(text)
    if not found:
        return None
    numbers = [int((part or "0").strip(".")) for part in found.groups()[:4]]
    word, count, dev = found.groups()[4:]
    counts = [int(one) for one in re.findall(r"\d+", count or "")]
    return numbers, STABILITY[(word or "").lower()], counts, 0 if dev and word else 1 if not dev else -1


npm = shutil.which("npm")
semver = Program("node", "-e", NODE, join(dirname(realpath(npm or "")), "..", "node_modules", "semver"))


def go(a, b):
    return semver(a.removeprefix("v"), b.removeprefix("v"))


deb = Program("perl", "-MDpkg::Version", "-e", PERL)
rpm = Program("rpmlua", "-e", LUA)
gem = Program("ruby", "-e", RUBY)
maven = Program("java", "-cp", "/usr/share/maven/lib/*", join(HERE, "CompareMaven.java"))

BY_ECOSYSTEM = {
    "Alpine": apk,
    "Debian": deb,
    "AlmaLinux": rpm,
    "npm": semver,
    "crates.io": semver,
    "Go": go,
    "PyPI": pep440,
    "RubyGems": gem,
    "Packagist": composer,
    "Maven": maven,
}
