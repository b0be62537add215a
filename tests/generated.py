"""Write the files that are made from the code: the page of public names, and a schema."""

from forecast.reading import shipped_folder
from forecast.scenario.scenario_files import scenario_schema
from tests import api_page

if __name__ == "__main__":
    api_page.PAGE.write_text(api_page.render(), encoding="utf-8")
    (shipped_folder() / "scenario.schema.json").write_text(scenario_schema(), encoding="utf-8")
