"""Reads metrics as text on standard input with Prometheus' own parsers and prints the samples as JSON.

Usage: exposition.py text|openmetrics. Both parsers raise an error on what they don't understand; OpenMetrics' also checks names, units,
the order of buckets, and exemplars.
"""

import json
import sys

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as text

PARSERS = {"text": text, "openmetrics": openmetrics}


def exemplar(sample):
    found = sample.exemplar
    return found and {"labels": found.labels, "value": found.value}


def main():
    families = PARSERS[sys.argv[1]].text_string_to_metric_families(sys.stdin.read())
    samples = [
        {
            "family": family.name,
            "type": family.type,
            "help": family.documentation,
            "unit": family.unit,
            "name": sample.name,
            "labels": sample.labels,
            "value": str(sample.value),
            "exemplar": exemplar(sample),
        }
        for family in families
        for sample in family.samples
    ]
    json.dump(samples, sys.stdout)


main()
