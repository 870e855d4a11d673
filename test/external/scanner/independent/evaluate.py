"""Usage: evaluate.py IMAGES ADVISORIES. Prints, as JSON, which findings the images have: nothing of Entrepot is used."""

import json
import sys
from collections import defaultdict
from functools import cmp_to_key
from glob import glob
from os.path import basename, join

from advisories import Advisories
from boundaries import boundaries
from comparators import BY_ECOSYSTEM, order
from installed import packages_of

WORDS = {"critical": "critical", "important": "high", "high": "high", "moderate": "medium", "medium": "medium", "low": "low"}
RANK = ["unknown", "none", "low", "medium", "high", "critical"]


class CannotTell(Exception):
    pass


def main(images, folder):
    advisories = Advisories(folder)
    flaws = advisories.flaws()
    result = {"images": {}, "boundaries": []}
    for archive in sorted(glob(join(images, "*.tar.gz"))):
        judged = [judge(package, advisories, flaws) for package in packages_of(archive)]
        result["images"][basename(archive).removesuffix(".tar.gz")] = {
            "findings": [one for findings, _ in judged for one in findings],
            "cannotTell": [one for _, unclear in judged for one in unclear],
        }
    for package in boundaries(advisories):
        findings, unclear = judge(package, advisories, flaws)
        about = {**described(package), "ecosystem": package.ecosystem, "module": package.module}
        result["boundaries"].append({**about, "findings": findings, "cannotTell": unclear})
    json.dump(result, sys.stdout)


def judge(package, advisories, flaws):
    hits, never, unclear = defaultdict(list), set(), defaultdict(set)
    compare = comparator(package.ecosystem)
    for one in advisories.affecting[package.ecosystem, package.source]:
        if not is_for(one.module, package.module):
            continue
        flaw = advisories.flaw(one.record)
        if one.never:
            never.add(flaw)
            continue
        try:
            fix = affected(package.compared, one, compare)
            if fix is not False:
                hits[flaw].append((one, fix))
        except CannotTell:
            unclear[flaw].add(one.record)
    found = [finding(package, entries, advisories, flaws[flaw], compare)
             for flaw, entries in hits.items() if flaw not in never]
    hit = {one.record for entries in hits.values() for one, _ in entries}
    rest = [record for flaw, records in unclear.items() if flaw not in never for record in records if record not in hit]
    return found, [{**described(package), "advisory": record} for record in rest]


def is_for(module, of):
    """Builds of modules and the others are lines of their own, which tell nothing of each other."""
    return module is None or module == (of or "none") or (module == "any" and of is not None)


def comparator(ecosystem):
    asked = BY_ECOSYSTEM[ecosystem.split(":")[0]]

    def compare(a, b):
        if "0" in (a, b):
            return order(a != "0", b != "0")
        result = asked(a, b)
        if result is None:
            raise CannotTell
        return result

    return compare


def affected(version, one, compare):
    """OSV, "Evaluation". False: not affected; else the version that ends it, or None."""
    unclear, fixes = False, []
    for events in one.ranges:
        try:
            fixes.append(affected_in(version, events, compare))
        except CannotTell:
            unclear = True
    fixes = [fix for fix in fixes if fix is not False]
    if fixes:
        return max((fix for fix in fixes if fix), key=cmp_to_key(compare), default=None)
    if version in one.versions or f"v{version}" in one.versions:
        return next_fix(version, one.ranges, compare)
    if unclear:
        raise CannotTell
    return False


def affected_in(version, events, compare):
    points = sorted((point for event in events for point in event.items()), key=cmp_to_key(lambda a, b: compare(a[1], b[1])))
    since = False
    for kind, at in points:
        if kind == "introduced":
            since = since or at == "0" or compare(version, at) >= 0
        elif kind == "fixed" and compare(version, at) >= 0:
            since = False
        elif kind == "last_affected" and compare(version, at) > 0:
            since = False
    if not since:
        return False
    for kind, at in points:
        if kind == "fixed" and compare(version, at) < 0:
            return at
        if kind == "last_affected" and compare(version, at) <= 0:
            return None
    return None


def next_fix(version, ranges, compare):
    best = None
    for events in ranges:
        for event in events:
            try:
                if "fixed" in event and compare(event["fixed"], version) > 0:
                    if best is None or compare(event["fixed"], best) < 0:
                        best = event["fixed"]
            except CannotTell:
                pass
    return best


def described(package):
    return {"type": package.type, "name": package.name, "version": package.version, "path": package.path}


def finding(package, entries, advisories, ids, compare):
    records = {one.record for one, _ in entries}
    cves = {name for name in ids if name.startswith("CVE-")}
    covers = set().union(*(advisories.names[record]["covers"] for record in records)) - ids
    scores = [score for record in records for score in advisories.names[record]["scores"]]
    scores += [score for cve in cves | covers for score in advisories.scores[cve]]
    highest = max((score for score in scores if score is not None), default=None)
    fixes = [fix for _, fix in entries if fix is not None]
    return {
        **described(package),
        "id": min(cves or {shown(record, ids) for record in records}),
        "ids": sorted(ids),
        "covers": sorted(covers),
        "records": sorted(records),
        "fixedVersion": max(fixes, key=cmp_to_key(compare), default=None),
        "score": highest,
        "severity": band(highest, [one.word for one, _ in entries]),
    }


def shown(record, ids):
    """`XSA-7` rather than `ALPINE-XSA-7`."""
    return next((one for one in ids if record.endswith(f"-{one}")), record)


def band(score, words):
    if score is None:
        return max((WORDS.get(word, "unknown") for word in words), key=RANK.index)
    return next(name for name, least in [("critical", 9), ("high", 7), ("medium", 4), ("low", 0.1), ("none", 0)] if score >= least)


main(*sys.argv[1:])
