"""A forecast in a netCDF file: draws and answers as arrays, what it rests on as text.

Nothing in the file is code. A checksum over all of it is written along, so that a file that was
changed or cut short is refused and never half believed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import date
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from forecast.errors import InputError, Problem
from forecast.evidence.ledger import Evidence
from forecast.evidence.records import listed, record_of, report_of
from forecast.evidence.report import Report
from forecast.posterior.mcmc import parameter_names
from forecast.posterior.reweighting import Fit
from forecast.sampling import Sampling
from forecast.scenario.rendering import render_scenario
from forecast.scenario.scenario import Scenario
from forecast.scenario.scenario_files import parse_scenario
from forecast.writing import drafted

if TYPE_CHECKING:
    from xarray import Dataset, DataTree

FORMAT = 1
GROUP = "forecast_file"
"""Group of the file that holds the texts; it is not part of the forecast's tree."""
PRIOR = "prior"
"""What draws were made under, if it was no evidence."""
MADE_BY = ("forecast", "pymc", "nutpie", "arviz", "xarray", "numpy")
"""Packages whose versions are recorded."""


class ForecastParts(NamedTuple):
    """What a forecast is made of, in the order in which it takes it."""

    scenario: Scenario
    evidence: Evidence
    posterior: DataTree
    sampling: Sampling
    fit: Fit | None


def write_parts(given: ForecastParts, path: str | Path) -> Path:
    """Write the parts of a forecast to a file; see `Forecast.save`. The tree may be added to."""
    target, tree = Path(path), given.posterior
    tree[GROUP] = _texts(given, target)
    tree[GROUP].attrs |= {"format": FORMAT, "checksum": _checksum(tree)}
    tree[GROUP].attrs |= {f"{name}_version": version(name) for name in MADE_BY}
    try:
        with drafted(target) as draft:
            tree.to_netcdf(draft, engine="h5netcdf")
            if _checksum(_read(draft)) != tree[GROUP].attrs["checksum"]:
                _refuse(target, "not written: not all of the forecast can be kept in netCDF")
    except (OSError, TypeError, ValueError) as error:
        _refuse(target, f"cannot be written: {getattr(error, 'strerror', None) or error}")
    return target


def read_parts(path: str | Path) -> ForecastParts:
    """Read the parts of a forecast from a file; see `load`."""
    source = Path(path)
    tree = _read(source)
    if GROUP not in tree.children or "format" not in tree[GROUP].attrs:
        _refuse(source, "holds no forecast; `load` reads what `Forecast.save` wrote")
    about = dict(tree[GROUP].attrs)
    if about["format"] != FORMAT:
        made = f"by forecast {about.get('forecast_version')} in format {about['format']}"
        _refuse(source, f"was written {made}; this version reads format {FORMAT}")
    if _checksum(tree) != about.get("checksum"):
        _refuse(source, "is damaged: what it holds is not what was saved")
    texts = {str(name): str(found.item()) for name, found in tree[GROUP].data_vars.items()}
    del tree[GROUP]
    scenario = parse_scenario(texts["scenario"], str(source))
    missing = [name for name in parameter_names(scenario) if name not in tree["posterior"]]
    if missing:
        made = f"by forecast {about.get('forecast_version')}, whose model has no"
        _refuse(source, f"was written {made} {listed(missing)}; make the forecast anew")
    sampling = Sampling(**json.loads(texts["sampling"]))
    evidence, fit = read_evidence_text(texts["evidence"]), None
    if "fit" in texts:
        under = None if texts["fit"] == PRIOR else read_evidence_text(texts["fit"])
        fit = Fit.of_posterior(scenario, evidence if under == evidence else under, tree)
        if "asked_first" in texts:
            fit = replace(fit, first=read_evidence_text(texts["asked_first"]))
    return ForecastParts(scenario, evidence, tree, sampling, fit)


def _read(source: Path) -> DataTree:
    """Everything that a netCDF file holds, in memory."""
    import xarray as xr

    try:
        if not source.is_file():
            _refuse(source, "is not a file" if source.exists() else "cannot be read: no such file")
    except OSError as error:
        _refuse(source, f"cannot be read: {error.strerror}")
    try:
        days = xr.coders.CFDatetimeCoder(time_unit="s")
        with xr.open_datatree(source, engine="h5netcdf", decode_times=days) as opened:
            return opened.load()
    except Exception:  # noqa: BLE001 - HDF5 meets damage with errors of any kind
        _refuse(source, "cannot be read: it is no netCDF file, or a damaged one")


def _texts(given: ForecastParts, target: Path) -> Dataset:
    import xarray as xr

    texts = {
        "scenario": scenario_text(given.scenario, str(target)),
        "evidence": evidence_text(given.evidence),
        "sampling": json.dumps(asdict(given.sampling)),
    }
    if given.fit is not None:
        texts["fit"] = PRIOR if (under := given.fit.evidence) is None else evidence_text(under)
        if given.fit.first is not None:
            texts["asked_first"] = evidence_text(given.fit.first)
    return xr.Dataset({name: ((), text) for name, text in texts.items()})


def scenario_text(scenario: Scenario, where: str) -> str:
    """A scenario as the text of its file.

    Raises
    ------
    InputError
        Of `where` it is to be written, if the text would not read back as the same scenario.
    """
    text = render_scenario(scenario, "scenario.schema.json")
    if parse_scenario(text, where).digest != scenario.digest:
        message = "not written: the scenario's text would not read back as the same one"
        raise InputError([Problem(where, message)])
    return text


def evidence_text(evidence: Evidence) -> str:
    """Evidence as JSON, the same text for the same reports in the same order."""

    def rows(reports: Iterable[Report]) -> list[list[Any]]:
        return [list(record_of(report, k).values()) for k, report in enumerate(reports)]

    return json.dumps(
        {
            "as_of": evidence.as_of.isoformat(),
            "reports": rows(evidence.reports),
            "behind": rows(evidence.behind),
            "about": None if evidence.about is None else sorted(evidence.about),
        }
    )


def read_evidence_text(text: str) -> Evidence:
    """Evidence from what `evidence_text` made of it."""
    found = json.loads(text)
    reports, behind = (
        tuple(report for row in found[name] if (report := report_of(row)) is not None)
        for name in ("reports", "behind")
    )
    about = None if found["about"] is None else frozenset(found["about"])
    return Evidence(date.fromisoformat(found["as_of"]), reports, behind, about)


def _checksum(tree: DataTree) -> str:
    """SHA-256 of all arrays, and of all labels that are text or whole numbers."""
    digest = sha256()
    for node in sorted(tree.subtree, key=lambda each: each.path):
        for name, found in sorted(node.variables.items(), key=lambda each: str(each[0])):
            digest.update(f"{node.path} {name} {found.dims} {found.shape}".encode())
            digest.update(_bytes_of(found.to_numpy()))
        if node.path != f"/{GROUP}":
            digest.update(json.dumps(list(_plain_attributes(node))).encode())
    return digest.hexdigest()


def _bytes_of(values: Any) -> bytes:
    """An array's numbers, or its texts, however the file keeps them."""
    if values.dtype.kind == "M":
        values = values.astype("datetime64[s]").astype(np.int64)
    if values.dtype.kind in "biuf":
        return np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()
    return json.dumps(["" if value is None else str(value) for value in values.flat]).encode()


def _plain_attributes(node: DataTree) -> Iterator[tuple[str, str]]:
    for name, value in sorted(node.attrs.items()):
        if isinstance(value, str | int | np.integer):
            yield str(name), str(value)


def _refuse(path: Path, message: str) -> NoReturn:
    raise InputError([Problem(str(path), message)]) from None
