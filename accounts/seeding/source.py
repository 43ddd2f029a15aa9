"""Reading a seed file: JSON or YAML, with exact numbers."""

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

DEMO = Path(__file__).with_name("demo.yaml")


class SeedError(Exception):
    """The file can't be used. `problems` says why, each with its path in the file."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ExactLoader(yaml.SafeLoader):
    """Safe YAML whose decimal numbers are `Decimal`: a float would lose cents of a large capital."""


def _exact(loader: ExactLoader, node: yaml.ScalarNode) -> Any:
    try:
        return Decimal(loader.construct_scalar(node).replace("_", ""))
    except InvalidOperation:
        return loader.construct_yaml_float(node)


ExactLoader.add_constructor("tag:yaml.org,2002:float", _exact)


def read(path: Path) -> Any:
    """Return what the file holds: JSON where its name ends in `.json`, else YAML (which includes JSON).

    Raises `SeedError` where it can't be read or parsed.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix.lower() == ".json":
            return json.loads(text, parse_float=Decimal)
        return yaml.load(text, ExactLoader)  # noqa: S506 (a SafeLoader)
    except OSError as error:
        raise SeedError([f"{path}: {error.strerror}"]) from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise SeedError([f"{path}: can't be read as {'JSON' if path.suffix == '.json' else 'YAML'}: {error}"]) from None
