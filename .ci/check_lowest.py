"""Fails unless the lowest version that pyproject.toml allows of each dependency is the one that is installed."""

import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
extras = project["optional-dependencies"]
wanted = [*project["dependencies"], *(each for name in sys.argv[1:] for each in extras[name])]
wrong = []
for requirement in wanted:
    if requirement.startswith(project["name"]):  # an extra that is made of others
        continue
    name, lowest = re.match(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", requirement).groups()
    installed = version(name)
    print(f"{name} {installed}")
    if not f"{installed}.0.0".startswith(f"{lowest}."):
        wrong.append(f"{name} is {installed}, and {lowest} is allowed")
sys.exit("\n".join(wrong) or 0)
