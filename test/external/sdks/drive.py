"""Calls the operations of a Python SDK of the product: one JSON line in, one JSON line out, until the input ends.

usage: drive.py HOST {"username": …, "password": …} | {"token": …}
in:  {"operation": "registriesPut", "arguments": {"registryId": …, "putRegistryInput": {…}}}
out: {"status": 201, "data": …} from an answer, {"status": 404, "body": "…"} from an ApiException, {"failure": "…"} from
     anything else: that is an answer which the SDK could not read.
"""
import json
import re
import sys

import ionoscloud_container_registry as sdk


def snake(name):
    return re.sub(r'(?<=[a-z])(?=[A-Z])', '_', name).lower()


def model(client, name, value):
    """A body as the SDK's own class; version 2 has from_dict, version 1 reads what it would read from the wire."""
    cls = getattr(sdk, name)
    if hasattr(cls, 'from_dict'):
        return cls.from_dict(value)
    return client._ApiClient__deserialize(value, name)


def argument(client, name, value):
    return model(client, name[0].upper() + name[1:], value) if isinstance(value, dict) else value


def call(client, operation, arguments):
    method_name = snake(operation) + '_with_http_info'
    apis = [getattr(sdk, name) for name in dir(sdk) if name.endswith('Api')]
    api = next(one for one in apis if hasattr(one, method_name))
    given = {snake(name): argument(client, name, value) for name, value in arguments.items()}
    try:
        answer = getattr(api(client), method_name)(**given)
    except sdk.ApiException as error:
        body = error.body.decode() if isinstance(error.body, bytes) else error.body
        return {'status': error.status, 'body': body}
    data, status = (answer[0], answer[1]) if isinstance(answer, tuple) else (answer.data, answer.status_code)
    return {'status': status, 'data': client.sanitize_for_serialization(data)}


def main():
    host, login = sys.argv[1], json.loads(sys.argv[2])
    client = sdk.ApiClient(sdk.Configuration(host=host, **login))
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = call(client, asked['operation'], asked['arguments'])
        except Exception as error:
            answer = {'failure': f'{type(error).__name__}: {error}'}
        print(json.dumps(answer), flush=True)


main()
