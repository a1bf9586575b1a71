"""The table of the contract, and the tests it names."""
import re
from pathlib import Path

HERE = Path(__file__).parent
ROWS = [line for line in (HERE / "contract.md").read_text().splitlines() if line.startswith("| ") and "::" in line]


def defined_in(name):
    return set(re.findall(r"^ *(?:async )?def (test_\w+)", (HERE / name).read_text(), re.MULTILINE))


def test_every_row_names_tests_that_exist():
    named = [reference.split("::") for row in ROWS for reference in row.split("|")[2].split()]
    assert len(ROWS) > 60 and len(named) >= len(ROWS)
    assert [reference for reference in named if reference[1] not in defined_in(reference[0])] == []


def test_every_test_of_the_contract_has_a_row():
    named = {reference.split("::")[1] for row in ROWS for reference in row.split("|")[2].split()}
    assert defined_in("test_contract.py") - named == set()
