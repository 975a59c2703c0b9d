"""Pre-training runs, whose trained networks another run, the fine-tuned run, starts from.

A protocol with the key `pretraining` gives each of its runs a pre-training run on another dataset. Its protocol is
derived here: that of `pretraining.protocol`, with a split that excludes what the fine-tuned run is evaluated on. Its id
names that run: `<protocol>.before.<dataset>.<property>.<fine-tuned protocol>`. No file has this id, since ids of files
have no dots.
"""

from collections.abc import Mapping

from elemflow.config.protocol import Protocol

MARK = "before"
SCHEME = "pretraining"
"""Scheme of a derived split; `elemflow.splits.pretraining` makes it, and no file can name it."""
OF_TARGET = ("members", "splits", "folds", "repeats", "members_per_fold")
"""What a split says about the number of its members."""
OF_SOURCE = ("train", "validation", "test", "seed", "max_materials")


def source_protocol_id(protocols: Mapping[str, Protocol], target: tuple[str, str, str]) -> str:
    """Return the id of the protocol of a pre-training run.

    Args:
        protocols: Declared protocols by id.
        target: Dataset, property and protocol of the fine-tuned run; the protocol has the key `pretraining`.

    Raises:
        KeyError: The protocol does not have the key.
    """
    source = protocols[target[-1]].pretraining
    if source is None:
        raise KeyError(target[-1])
    return ".".join((source.protocol, MARK, *target))


def target_of(protocols: Mapping[str, Protocol], name: str) -> tuple[str, str, str] | None:
    """Return dataset, property and protocol of the fine-tuned run that a protocol is derived for; None if it is not."""
    source, mark, target = name.partition(f".{MARK}.")
    parts = target.split(".", 2)
    if not mark or len(parts) != 3 or parts[2] not in protocols:  # noqa: PLR2004  see the docstring above
        return None
    declared = protocols[parts[2]].pretraining
    return (parts[0], parts[1], parts[2]) if declared and declared.protocol == source else None


def find_protocol(protocols: Mapping[str, Protocol], name: str) -> Protocol:
    """Return a protocol by its id, be it declared or derived for a pre-training run.

    Raises:
        KeyError: There is none.
    """
    target = target_of(protocols, name)
    if target is None:
        return protocols[name]
    dataset, property_id, protocol_id = target
    source, fine_tuned = protocols[name.partition(f".{MARK}.")[0]], protocols[protocol_id]
    split = {key: source.written["split"][key] for key in OF_SOURCE if key in source.written["split"]}
    members = {key: value for key, value in fine_tuned.written["split"].items() if key in OF_TARGET}
    evaluated = {"dataset": dataset, "property": property_id, "protocol": protocol_id}
    return Protocol.read(
        source.written_without("ensemble")
        | {
            "title": "",
            "split": {"scheme": SCHEME, **split, **members, "exclude": evaluated},
            "uncertainty": False,
            "report": "mean",
        }
    )
