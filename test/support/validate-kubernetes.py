"""Holds objects of Kubernetes against its own strict schemas. Reads JSON {versions, objects: [{place, object}]}, writes {wrong, unknown}.

The package kubernetes-validate has the schemas; it reads all definitions anew for each object, which here is done once for each version.
"""

import json
import sys
from pathlib import Path

import kubernetes_validate
from jsonschema.validators import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"


def main() -> None:
    question = json.load(sys.stdin)
    wrong, unknown = [], set()
    for version in question["versions"]:
        [folder] = SCHEMAS.glob(f"v{version}*-local-strict")
        definitions = json.loads((folder / "_definitions.json").read_text())
        registry = Registry().with_resource(
            definitions.get("$id", "_definitions.json"), Resource.from_contents(definitions, DRAFT202012)
        ).with_resource("_definitions.json", Resource.from_contents(definitions, DRAFT202012))
        for each in question["objects"]:
            place, thing = each["place"], each["object"]
            group, _, name = thing["apiVersion"].rpartition("/")
            prefix = group.split(".")[0]
            file = folder / ("-".join(filter(None, [thing["kind"].lower(), prefix, name])) + ".json")
            if not file.exists():
                unknown.add(f"{thing['apiVersion']} {thing['kind']}")
                continue
            schema = json.loads(file.read_text())
            for error in Draft202012Validator(schema, registry=registry).iter_errors(thing):
                where = ".".join(str(part) for part in error.absolute_path)
                wrong.append(f"{version} {place} {thing['kind']}/{thing['metadata']['name']} {where}: {error.message[:200]}")
    json.dump({"wrong": wrong, "unknown": sorted(unknown)}, sys.stdout)


main()
