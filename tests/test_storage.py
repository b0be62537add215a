"""A forecast that comes back from a file is the forecast that went in, or it is refused."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import forecast as fc
from forecast import storage
from forecast.evidence.ledger import Ledger
from tests.api_fuzz import untouched_forecast
from tests.harbour import harbour, random_ledger
from tests.small import barometer_report, evidence, weather


@pytest.fixture(scope="module")
def outlook():
    """With copies, channels and watches, a revision and withdrawals."""
    scenario = harbour()
    reports = random_ledger(np.random.default_rng(3), scenario, 8, 3)
    known = Ledger(tuple(reports)).known_at("2020-01-22")
    assert known.reports
    assert known.behind
    return untouched_forecast(scenario, known)


@pytest.fixture
def file(outlook, tmp_path):
    return outlook.save(tmp_path / "outlook.nc")


def test_everything_comes_back(outlook, file):
    back = fc.load(file)
    assert back.scenario == outlook.scenario
    assert back.evidence == outlook.evidence
    assert back.sampling == outlook.sampling
    assert back.posterior.identical(outlook.posterior)
    assert repr(back) == repr(outlook)
    pages = [fc.product(each, allow_unreliable=True).markdown for each in (outlook, back)]
    assert pages[0] == pages[1]
    observed = {"barometer": "low"}
    answers = [fc.beliefs(each).set_evidence(observed).posteriors() for each in (outlook, back)]
    assert answers[0].identical(answers[1])
    known = back.evidence.without(back.evidence.reports[0].id)
    assert known == outlook.evidence.without(outlook.evidence.reports[0].id)


def test_a_static_forecast_of_some_indicators_comes_back(tmp_path):
    known = replace(evidence(barometer_report("R1", "low"), week=0), about=frozenset({"barometer"}))
    given = untouched_forecast(weather(dynamic=False), known)
    back = fc.load(given.save(tmp_path / "a file without a suffix"))
    assert back.posterior.identical(given.posterior)
    assert back.evidence == given.evidence


def test_other_tools_read_the_file(outlook, file):
    with xr.open_datatree(file, engine="h5netcdf") as tree:
        assert (
            tree["forecast"]["probability"] == outlook.posterior["forecast"]["probability"]
        ).all()
        assert fc.__version__ == tree["forecast_file"].attrs["forecast_version"]
        assert "storm" in tree["forecast_file"]["scenario"].item()


def test_no_single_bit_changes_unnoticed(tmp_path):
    """Wherever a byte of the file flips, it is refused or what it holds is unchanged."""
    given = untouched_forecast(weather(), evidence(barometer_report("R1", "low")))
    file = given.save(tmp_path / "small.nc")
    whole, messages = file.read_bytes(), []
    for at in np.random.default_rng(1).integers(0, len(whole), 20).tolist():
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        try:
            back = fc.load(file)
        except fc.InputError as error:
            messages.append(str(error))
        else:
            assert (back.scenario, back.evidence) == (given.scenario, given.evidence)
            assert back.posterior.equals(given.posterior)
    assert len(messages) > 5
    assert all("damaged" in text or "holds no forecast" in text for text in messages)


@pytest.mark.parametrize("left", [0, 10, 1000, -1])
def test_a_file_cut_short_is_refused(file, left):
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(fc.InputError, match="damaged"):
        fc.load(file)


def test_foreign_files_are_refused(tmp_path):
    other = tmp_path / "other.nc"
    with pytest.raises(fc.InputError, match="no such file"):
        fc.load(other)
    with pytest.raises(fc.InputError, match="is not a file"):
        fc.load(tmp_path)
    xr.Dataset({"rain": ("day", [1.0, 2.0])}).to_netcdf(other, engine="h5netcdf")
    with pytest.raises(fc.InputError, match="holds no forecast"):
        fc.load(other)
    other.write_text("report,rain\n")
    with pytest.raises(fc.InputError, match="no netCDF file"):
        fc.load(other)


def test_a_file_of_a_later_format_says_so(file):
    with xr.open_datatree(file, engine="h5netcdf") as opened:
        tree = opened.load()
    tree["forecast_file"].attrs["format"] = 2
    tree.to_netcdf(file, engine="h5netcdf")
    with pytest.raises(fc.InputError, match="in format 2; this version reads format 1"):
        fc.load(file)


def test_a_file_of_another_model_says_so(file):
    tree = storage._read(file)
    tree["posterior"] = tree["posterior"].to_dataset().drop_vars("probability")
    tree["forecast_file"].attrs["checksum"] = storage._checksum(tree)
    tree.to_netcdf(file, engine="h5netcdf")
    message = "whose model has no probability; make the forecast anew"
    with pytest.raises(fc.InputError, match=message):
        fc.load(file)


def test_a_failed_save_leaves_what_was_there(outlook, file, monkeypatch):
    before = file.read_bytes()

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(xr.DataTree, "to_netcdf", fail)
    with pytest.raises(fc.InputError, match="cannot be written: disk full"):
        outlook.save(file)
    assert file.read_bytes() == before
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_weighted_draws_come_back_and_take_other_evidence(tmp_path):
    """Draws weigh by all evidence against what they were made under, from a file as well."""
    known = evidence(barometer_report("R1", "low"))
    quick = {"draws": 200, "tune": 10, "chains": 2, "progressbar": False}
    sampled = fc.forecast(weather(), known, **{**quick, "draws": 10})
    for given in (
        fc.forecast(weather(), known, method="reweight", **quick),
        fc.update(sampled, evidence(barometer_report("R2", "high")), method="reweight"),
    ):
        back = fc.load(given.save(tmp_path / "weighted.nc"))
        assert str(back.diagnostics) == str(given.diagnostics)
        assert (back.fit.evidence, back.fit.first) == (given.fit.evidence, given.fit.first)
        more = evidence(barometer_report("R1", "low"), barometer_report("R3", "falling"))
        weights = [fc.update(each, more, method="reweight").weights for each in (given, back)]
        np.testing.assert_array_equal(weights[0].log_weight, weights[1].log_weight)


def test_what_the_sampler_says_comes_back(tmp_path):
    known = evidence(barometer_report("R1", "low"))
    given = fc.forecast(weather(), known, draws=10, tune=10, chains=2, progressbar=False)
    back = fc.load(given.save(tmp_path / "sampled.nc"))
    assert back.posterior["sample_stats"].equals(given.posterior["sample_stats"])
    assert str(back.diagnostics) == str(given.diagnostics)


def test_what_netcdf_cannot_hold_is_refused_before_anything_is_replaced(outlook, file):
    before, tree = file.read_bytes(), outlook.posterior
    tree["more"] = xr.Dataset({"said": ("report", np.array([None, None], object))})
    with pytest.raises(fc.InputError, match="not all of the forecast can be kept"):
        replace(outlook, posterior=tree).save(file)
    assert file.read_bytes() == before
