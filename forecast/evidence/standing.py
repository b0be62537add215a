"""Which reports stand, where others revise them, withdraw them or withdraw what did so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

Link = tuple[str, str, bool]
"""A report by its id, what it supersedes, and whether it withdraws that."""


def fallen(links: Iterable[Link]) -> set[str]:
    """Ids of reports that do not stand, by all links between the reports that are known.

    A report is withdrawn if a withdrawal of it stands. It is replaced if a revision of it is not
    withdrawn, or if what superseded it was itself replaced: the last revision stands for all that
    came before it. Whatever is neither stands. So a withdrawal leaves no trace of what it
    withdraws: what a withdrawn revision had replaced stands again, and so does what a withdrawn
    withdrawal had taken back.

    Parameters
    ----------
    links
        Of every known report that supersedes one. None of a circle stands.

    Examples
    --------
    >>> fallen([("revision", "report", False)])
    {'report'}
    >>> fallen([("revision", "report", False), ("withdrawal", "revision", True)])
    {'revision'}
    """
    known = {name: (earlier, withdraws) for name, earlier, withdraws in links}
    rest = {name: earlier for name, (earlier, _) in known.items()}
    withdrawn: set[str] = set()
    replaced: set[str] = set()
    for name in _unwound(rest):
        earlier, withdraws = known[name]
        if withdraws and name not in withdrawn and name not in replaced:
            withdrawn.add(earlier)
        elif name in replaced or not (withdraws or name in withdrawn):
            replaced.add(earlier)
    return withdrawn | replaced | rest.keys()


def in_circle(supersedes: Mapping[str, str]) -> set[str]:
    """Reports that supersede themselves, directly or through others.

    Parameters
    ----------
    supersedes
        What each report supersedes.

    Examples
    --------
    >>> sorted(in_circle({"R1": "R2", "R2": "R1", "R3": "R1", "R4": "R5"}))
    ['R1', 'R2']
    """
    rest = dict(supersedes)
    for _ in _unwound(rest):
        pass
    return set(rest)


def _unwound(rest: dict[str, str]) -> Iterator[str]:
    """Take reports out, each after whatever supersedes it; those of circles are left."""
    unseen = Counter(rest.values())
    ready = [name for name in rest if not unseen[name]]
    while ready:
        name = ready.pop()
        yield name
        earlier = rest.pop(name)
        unseen[earlier] -= 1
        if not unseen[earlier] and earlier in rest:
            ready.append(earlier)
