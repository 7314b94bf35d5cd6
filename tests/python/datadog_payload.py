"""Reads requests for Datadog's series intake on standard input, a line of JSON each, by the model of Datadog's own client, and prints the
series as the model has them. Anything that the model does not know is an error.
"""

import json
import sys

from datadog_api_client import Configuration
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v2.model.metric_payload import MetricPayload


def check_known(model, where):
    if getattr(model, "_unparsed", False):
        raise ValueError(f"{where}: not of the model: {model}")
    if isinstance(model, list):
        for at, item in enumerate(model):
            check_known(item, f"{where}[{at}]")
    for name, value in getattr(model, "_data_store", {}).items():
        if hasattr(model, "openapi_types") and name not in model.openapi_types:
            raise ValueError(f"{where}: the model has no {name}")
        check_known(value, f"{where}.{name}")


def main():
    series = []
    for line in sys.stdin:
        payload = validate_and_convert_types(
            json.loads(line), (MetricPayload,), ["payload"], True, True, configuration=Configuration()
        )
        check_known(payload, "payload")
        series += payload.to_dict()["series"]
    json.dump(series, sys.stdout, default=lambda model: model.value)


main()
