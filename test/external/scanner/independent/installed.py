"""What is installed in an image, read from its raw package databases: package = (type, name, version, path, subject)."""

import io
import json
import os
import re
import subprocess
import tarfile
import tempfile
import zipfile
from collections import namedtuple

# `ecosystem`, `source` and `compared`: what advisories name it, and the version that they mean.
Package = namedtuple("Package", "type name version path ecosystem source compared module")


def packages_of(archive):
    with tarfile.open(archive) as tar:
        files = {
            member.name.removeprefix("./"): tar.extractfile(member).read() for member in tar if member.isfile()
        }
    ecosystem = os_ecosystem(files)
    of_os = [*dpkg(files, ecosystem), *apk(files, ecosystem), *rpm(files, ecosystem)]
    owned = owned_by_dpkg(files)
    others = [one for path in sorted(files) for one in language(path, files[path], files)]
    return of_os + [one for one in others if one.path.split("!/")[0] not in owned]


def os_ecosystem(files):
    text = (files.get("etc/os-release") or files.get("usr/lib/os-release") or b"").decode()
    said = dict(re.findall(r'^(ID|VERSION_ID)="?([^"\n]*)"?$', text, re.M))
    version = said.get("VERSION_ID", "").split(".")
    if said.get("ID") == "alpine":
        edge = b"/edge/main" in files.get("etc/apk/repositories", b"")
        return "Alpine:edge" if edge else f"Alpine:v{version[0]}.{version[1]}"
    return {"debian": "Debian", "almalinux": "AlmaLinux"}.get(said.get("ID"), "none") + f":{version[0]}"


def stanzas(text):
    for stanza in text.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]?(.*)$", stanza, re.M))
        if "Package" in fields or "P" in fields:
            yield fields


def dpkg(files, ecosystem):
    for path, content in files.items():
        is_single = path.startswith("var/lib/dpkg/status.d/") and not path.endswith(".md5sums")
        if path != "var/lib/dpkg/status" and not is_single:
            continue
        for one in stanzas(content.decode()):
            if not is_single and one["Status"].split()[2] != "installed":
                continue
            source, _, version = one.get("Source", one["Package"]).partition(" ")
            compared = version.strip("()") or one["Version"]
            yield Package("deb", one["Package"], one["Version"], path, ecosystem, source, compared, None)


def owned_by_dpkg(files):
    lists = [path for path in files if re.match(r"var/lib/dpkg/info/.*\.list$", path)]
    return {line.lstrip("/") for path in lists for line in files[path].decode().split("\n")}


def apk(files, ecosystem):
    path = "lib/apk/db/installed"
    for one in stanzas(files.get(path, b"").decode()):
        yield Package("apk", one["P"], one["V"], path, ecosystem, one.get("o", one["P"]), one["V"], None)


RPM_FORMAT = "%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{EVR}\\t%{MODULARITYLABEL}\\n"


def rpm(files, ecosystem):
    for path, backend in [("var/lib/rpm/rpmdb.sqlite", "sqlite"), ("var/lib/rpm/Packages", "bdb_ro")]:
        if path not in files:
            continue
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, os.path.basename(path)), "wb") as copy:
                copy.write(files[path])
            command = ["rpm", "--dbpath", folder, "--define", f"_db_backend {backend}", "-qa", "--qf", RPM_FORMAT]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        for line in printed.splitlines():
            name, compared, version, label = line.split("\t")
            module = None if label == "(none)" else ":".join(label.split(":")[:2])
            if name != "gpg-pubkey":
                yield Package("rpm", name, version, path, ecosystem, name, compared, module)


def language(path, content, files):
    if re.search(r"(^|/)node_modules/(@[^/]+/)?[^/]+/package\.json$", path):
        said = json.loads(content)
        if "name" in said and "version" in said:
            yield of_language("npm", "npm", said["name"], said["version"], path)
    elif re.search(r"\.(dist-info/METADATA|egg-info/PKG-INFO|egg-info)$", path):
        head = content.decode().split("\n\n")[0]
        name, version = (re.search(rf"^{key}: (.*)$", head, re.M)[1].strip() for key in ("Name", "Version"))
        yield of_language("pypi", "PyPI", name, version, path)._replace(source=re.sub(r"[-_.]+", "-", name).lower())
    elif re.search(r"/specifications/(default/)?[^/]+\.gemspec$", path):
        text = content.decode()
        name, version = (re.search(rf'\.{key} = "([^"]+)"', text)[1] for key in ("name", "version"))
        yield of_language("gem", "RubyGems", name, version, path)
    elif path.endswith("vendor/composer/installed.json"):
        said = json.loads(content)
        for one in said["packages"] if isinstance(said, dict) else said:
            yield of_language("composer", "Packagist", one["name"].lower(), one["version"].removeprefix("v"), path)
    elif re.search(r"\.[jwe]ar$", path):
        yield from jar(path, content)


def jar(path, content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if re.fullmatch(r"META-INF/maven/[^/]+/[^/]+/pom\.properties", name):
                said = dict(re.findall(r"^(\w+)=(.*?)\r?$", archive.read(name).decode(), re.M))
                full = f"{said['groupId']}:{said['artifactId']}"
                yield of_language("maven", "Maven", full, said["version"], path)
            elif name.endswith(".jar"):
                yield from jar(f"{path}!/{name}", archive.read(name))


def of_language(kind, ecosystem, name, version, path):
    return Package(kind, name, version, path, ecosystem, name, version, None)
