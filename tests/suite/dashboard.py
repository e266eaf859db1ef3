"""Loads a dashboard with Grafana's own SDK, and tells what of it Grafana would not know: keys that are gone when the
SDK writes the dashboard again, values that are none of those it lists, and queries that are not Prometheus'."""

import enum
import json
import sys
import typing

from grafana_foundation_sdk.cog import runtime
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard, prometheus

# The text of a variable's query for the list of variables: in what Grafana exports, and not in its schema.
NOT_IN_THE_SCHEMA = {"definition"}


def lost(ours, theirs, place):
    """What of ours is not in theirs; theirs may have more, which are defaults."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours.keys() - NOT_IN_THE_SCHEMA:
            if key in theirs:
                yield from lost(ours[key], theirs[key], f"{place}.{key}")
            else:
                yield f"{place}.{key} is a key that Grafana does not know"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs)):
            yield from lost(*pair, f"{place}[{index}]")
    elif ours != theirs:
        yield f"{place} is {ours!r}, and {theirs!r} for Grafana"


def foreign(value, hint, place):
    """Values of another type than the SDK says, and words that are none of those that it lists."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        each = [list(foreign(value, option, place)) for option in arguments]
        if all(each):
            # Of the option that comes nearest: the one that finds fault deepest inside.
            yield from max(each, key=lambda problems: problems[0].index(" "))
    elif origin is typing.Literal or isinstance(hint, type) and issubclass(hint, enum.Enum):
        listed = arguments or [member.value for member in hint]
        if value not in listed:
            yield f"{place} is {value!r}, and not one of {listed}"
    elif origin is list and isinstance(value, list):
        for index, item in enumerate(value):
            yield from foreign(item, arguments[0], f"{place}[{index}]")
    elif origin is dict and isinstance(value, dict):
        for key, item in value.items():
            yield from foreign(item, arguments[1], f"{place}.{key}")
    elif isinstance(value, dict) and hasattr(hint, "from_json"):
        # The SDK leaves some of what is nested as it is.
        yield from known(value, hint, place)
    elif not isinstance(value, (float, int) if hint is float else origin or hint):
        yield f"{place} is {value!r}, which is no {hint}"
    elif hasattr(value, "to_json"):
        for name, hint in typing.get_type_hints(type(value)).items():
            yield from foreign(getattr(value, name), hint, f"{place}.{name}")


def known(ours, kind, place):
    """What of this the SDK's kind does not know."""
    loaded = kind.from_json(ours)
    yield from lost(ours, json.loads(JSONEncoder().encode(loaded)), place)
    yield from foreign(loaded, kind, place)


register_default_plugins()
with open(sys.argv[1], encoding="utf-8") as file:
    ours = json.load(file)
problems = list(known(ours, dashboard.Dashboard, "dashboard"))
for panel in dashboard.Dashboard.from_json(ours).panels:
    if runtime.panelcfg_config(panel.type_val) is None:
        problems.append(f"panel {panel.title} is a {panel.type_val}, which Grafana has not")
    if not panel.targets or not all(isinstance(target, prometheus.Dataquery) for target in panel.targets):
        problems.append(f"panel {panel.title} does not ask Prometheus")
if problems:
    sys.exit("\n".join(problems))
