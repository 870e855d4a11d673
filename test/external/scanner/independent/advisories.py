"""What the advisories say, read from the files as they are published."""

import csv
import gzip
import json
import re
from collections import defaultdict, namedtuple
from glob import glob
from os.path import join

from cvss import CVSS2, CVSS3, CVSS4

# One `affected` of one record. `never`: the vendor says that the package is not affected.
Affected = namedtuple("Affected", "record ranges versions never module word")
NOTICES = ("DSA-", "DLA-", "ALSA-", "RHSA-", "RLSA-", "ELSA-", "USN-", "SUSE-", "ALAS")
DEBIAN = {"bullseye": "11", "bookworm": "12", "trixie": "13"}


class Advisories:
    def __init__(self, folder):
        self.folder = folder
        self.affecting = defaultdict(list)
        self.names = {}
        self.scores = defaultdict(list)
        self.parents = {}
        self.read_osv()
        self.read_alpine()
        self.read_debian()
        self.read_scores()

    # Which ids are one flaw: through aliases, and through nothing else.

    def flaw(self, name):
        while self.parents.get(name, name) != name:
            name = self.parents[name]
        return name

    def same(self, one, other):
        self.parents.setdefault(one, one)
        self.parents.setdefault(other, other)
        self.parents[self.flaw(other)] = self.flaw(one)

    def flaws(self):
        """Every id with all others of its flaw."""
        groups = defaultdict(set)
        for name in self.parents:
            groups[self.flaw(name)].add(name)
        return groups

    def add(self, ecosystem, name, affected):
        self.affecting[ecosystem, name].append(affected)

    def name_record(self, name, aliases, covers, scores):
        self.names[name] = {"covers": covers, "scores": scores}
        self.parents.setdefault(name, name)
        for alias in aliases:
            self.same(name, alias)

    def read_osv(self):
        newest = {}
        for path in sorted(glob(join(self.folder, "osv", "*.jsonl.gz"))):
            for line in gzip.open(path, "rt"):
                record = json.loads(line)
                date = max(date for date in dates(record))
                if record["id"] not in newest or date >= newest[record["id"]][0]:
                    newest[record["id"]] = date, record
        for _, record in newest.values():
            # Withdrawn; or AlmaLinux's bug fixes and enhancements.
            if not record.get("withdrawn") and not re.match("AL[BE]A-", record["id"]):
                self.add_osv(record)

    def add_osv(self, record):
        name = record["id"]
        covers = set(record.get("upstream") or [])
        if name.startswith(NOTICES):
            covers |= set(record.get("related") or [])
        covers = {one for one in covers if one.startswith("CVE-")} or covers
        self.name_record(name, record.get("aliases") or [], covers, osv_scores(record))
        for one in record.get("affected") or []:
            package = one.get("package")
            if not package:
                continue
            ranges = [each["events"] for each in one.get("ranges") or [] if each["type"] != "GIT"]
            word = word_of(one) or word_of(record) or summary_word(record)
            for module in modules(ranges, record) if package["ecosystem"].startswith("AlmaLinux") else [None]:
                # Some records of the sample hold a number there, how many there were.
                versions = one["versions"] if isinstance(one.get("versions"), list) else []
                affected = Affected(name, ranges, versions, False, module, word)
                self.add(package["ecosystem"], canonical(package), affected)

    def read_alpine(self):
        known = {}
        for path in sorted(glob(join(self.folder, "alpine", "*.json.gz"))):
            branch = json.load(gzip.open(path))
            ecosystem = f"Alpine:{branch['distroversion']}"
            for entry in branch["packages"]:
                package = entry["pkg"]
                for version, entries in package["secfixes"].items():
                    for name, aliases in (flaw for text in entries for flaw in secfix(text)):
                        record = name if name.startswith("ALPINE-") else f"ALPINE-{name}"
                        self.name_record(record, [name, *aliases], set(), [])
                        known.setdefault((ecosystem, package["name"], record), set()).add(version)
        for (ecosystem, package, record), versions in known.items():
            for version in versions:
                events = [{"introduced": "0"}, {"fixed": version}]
                never = "0" in versions
                self.add(ecosystem, package, Affected(record, [events], [], never, None, None))

    def read_debian(self):
        tracker = json.load(gzip.open(join(self.folder, "debian", "tracker-subset.json.gz")))
        for source, cves in tracker.items():
            for cve, said in cves.items():
                record = f"DEBIAN-{cve}"
                self.name_record(record, [cve], set(), [])
                for release, state in said["releases"].items():
                    assert state["status"] == "resolved"
                    events = [{"introduced": "0"}, {"fixed": state["fixed_version"]}]
                    never = state["fixed_version"] == "0"
                    self.add(f"Debian:{DEBIAN[release]}", source, Affected(record, [events], [], never, None, None))

    def read_scores(self):
        for row in csv.DictReader(gzip.open(join(self.folder, "scores", "cvss-vulnrichment.csv.gz"), "rt")):
            self.scores[row["cve"]].append(score(row["vector"], row["base_score"]))


def dates(record):
    for key in ("modified", "published", "withdrawn"):
        date = record.get(key) or ""
        yield "" if date.startswith("0001") else date


def canonical(package):
    name = package["name"]
    if package["ecosystem"] == "PyPI":
        return re.sub(r"[-_.]+", "-", name).lower()
    return name.lower() if package["ecosystem"] == "Packagist" else name


def secfix(text):
    """The ids in an entry of secfixes, which holds remarks, misspellings and several ids in one line."""
    cves = list(dict.fromkeys(f"CVE-{year}-{number}" for year, number in re.findall(r"CVE.(\d{4})[-_](\d{4,})", text)))
    ghsas = re.findall(r"GHSA-\w{4}-\w{4}-\w{4}", text)
    if cves:
        return [(cve, ghsas if len(cves) == 1 and len(ghsas) == 1 else []) for cve in cves]
    others = ghsas or re.findall(r"\b(?!CVE|CAN)[A-Z]+[A-Z0-9]*-[A-Z0-9-]*\d+", text)[:1]
    return [(other, []) for other in others]


def modules(ranges, record):
    """A build of a module says so in its release; the notice's summary says of which stream."""
    fixes = [event["fixed"] for events in ranges for event in events if "fixed" in event]
    if not any("module_" in fix or "module+" in fix for fix in fixes):
        return ["none" if fixes else None]
    return re.findall(r"(?:^|\s|,)([a-z][\w.+-]*:[A-Za-z0-9][\w.-]*)", record.get("summary", "")) or ["any"]


def osv_scores(record):
    own = record.get("database_specific") or {}
    given = [each["score"] for one in [record, *(record.get("affected") or [])] for each in one.get("severity") or []
             if each["type"].startswith("CVSS")]
    scores = [score(vector, own.get("cvss_score")) for vector in given] or [score("", own.get("cvss_score"))]
    return scores + [score("", own.get(key)) for key in ("cvss_v2", "cvss_v3", "cvss_v4")]


def score(vector, stated):
    """The base score as the vector gives it, else as stated; None: neither."""
    try:
        if vector.startswith("CVSS:4"):
            # The base alone: what threat and environment add is somebody else's.
            metrics = [one for one in vector.split("/") if re.match(r"(CVSS|A[VCT]|PR|UI|[VS][CIA]):", one)]
            return float(CVSS4("/".join(metrics)).base_score)
        if vector:
            return float((CVSS3 if vector.startswith("CVSS:3") else CVSS2)(vector).base_score)
    except Exception:
        pass
    return None if stated in (None, "") or not 0 <= float(stated) <= 10 else float(stated)


def word_of(one):
    for key in ("database_specific", "ecosystem_specific"):
        own = one.get(key)
        word = own.get("severity") if isinstance(own, dict) else None
        if isinstance(word, str):
            return word.lower()
    return None


def summary_word(record):
    found = re.match(r"(Low|Moderate|Important|Critical):", record.get("summary") or "")
    return found[1].lower() if found and record["id"].startswith(NOTICES) else None
