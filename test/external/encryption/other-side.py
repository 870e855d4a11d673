"""The other side of tink.test.ts: reads and writes with Google's Tink what Entrepot writes and reads.

other-side.py FOLDER, where FOLDER holds objects.json and manifests.json (keysets as `keys export` prints them) and cases.json,
a list of {kind, name, associatedData}. Of each case it opens <name>.sealed, which must give <name>.plain, and one with a
flipped bit, which must give nothing; and it writes <name>.tink. Prints one JSON object per case.
"""

import io
import json
import pathlib
import sys

import tink
from tink import aead, json_proto_keyset_format, secret_key_access, streaming_aead


def main(folder: pathlib.Path) -> None:
    aead.register()
    streaming_aead.register()
    primitives = {
        "objects": load(folder / "objects.json").primitive(streaming_aead.StreamingAead),
        "manifests": load(folder / "manifests.json").primitive(aead.Aead),
    }
    for case in json.loads((folder / "cases.json").read_text()):
        primitive = primitives[case["kind"]]
        context = case["associatedData"].encode()
        plain = (folder / (case["name"] + ".plain")).read_bytes()
        sealed = (folder / (case["name"] + ".sealed")).read_bytes()
        result = {
            "name": case["name"],
            "opens": attempt(case["kind"], primitive, sealed, context) == plain,
            "opensDamaged": attempt(case["kind"], primitive, damaged(sealed), context) is not None,
            "opensElsewhere": attempt(case["kind"], primitive, sealed, context + b"x") is not None,
        }
        (folder / (case["name"] + ".tink")).write_bytes(seal(case["kind"], primitive, plain, context))
        print(json.dumps(result), flush=True)


def load(path: pathlib.Path) -> tink.KeysetHandle:
    return json_proto_keyset_format.parse(path.read_text(), secret_key_access.TOKEN)


def attempt(kind, primitive, sealed: bytes, context: bytes):
    try:
        if kind == "manifests":
            return primitive.decrypt(sealed, context)
        with primitive.new_decrypting_stream(io.BytesIO(sealed), context) as stream:
            return stream.read()
    except tink.TinkError:
        return None


def seal(kind, primitive, plain: bytes, context: bytes) -> bytes:
    if kind == "manifests":
        return primitive.encrypt(plain, context)
    target = io.BytesIO()
    target.close = lambda: None  # Tink closes what it writes to
    with primitive.new_encrypting_stream(target, context) as stream:
        stream.write(plain)
    return target.getvalue()


def damaged(sealed: bytes) -> bytes:
    middle = len(sealed) // 2
    return sealed[:middle] + bytes([sealed[middle] ^ 4]) + sealed[middle + 1 :]


main(pathlib.Path(sys.argv[1]))
