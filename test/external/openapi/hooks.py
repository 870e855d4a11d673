"""What Schemathesis has to know about this server: ids of things that are there, and what it must leave alone."""

import json
import os
import uuid

import schemathesis

# {"registryId": ["…"], …}: made before the run. Most generated ids are replaced by one of them, so that answers are not all 404.
SEEDS = json.loads(os.environ["ENTREPOT_SEEDS"])
CONTRACT = os.environ["ENTREPOT_CONTRACT"]
COPIES = 8


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    named = path_parameters or {}
    # One place for all of a path, so that a token is one of its registry; what deletes has places of its own.
    place = hash_of(sorted(named.items())) % (COPIES // 2)
    if context.operation.method.upper() == "DELETE":
        place += COPIES // 2
    for name, value in named.items():
        seeds = SEEDS.get(name)
        if seeds and (name in ALWAYS or hash_of(value) % 4 != 0):
            named[name] = seeds[place % len(seeds)]
    return path_parameters


@schemathesis.hook
def map_headers(context, headers):
    for name in list(headers or {}):
        if name.lower() == "x-contract-number" and str(headers[name]).isdigit():
            headers[name] = CONTRACT
    return headers


@schemathesis.hook
def map_body(context, body):
    properties = body.get("properties") if isinstance(body, dict) else None
    if isinstance(properties, dict) and isinstance(properties.get("name"), str):
        sane(properties)
    return body


# Names and places that the product's schemas only call text: three of four are made ones that can be.
def sane(properties):
    chosen = hash_of(properties["name"])
    if chosen % 4 == 0:
        return
    properties["name"] = "n" + uuid.uuid4().hex[:20]
    if "location" in properties:
        properties["location"] = "de/fra"
    if "expiryDate" in properties and chosen % 2 == 0:
        properties["expiryDate"] = "2030-12-31T23:59:59Z"


# Any number may be the contract that the run itself needs.
ALWAYS = {"contractId"}


def hash_of(value):
    return sum(str(value).encode("utf-8", "replace"))
