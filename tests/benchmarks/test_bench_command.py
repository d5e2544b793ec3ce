"""``facedge bench`` as a person and as a program meets it."""

from __future__ import annotations

import json

import pytest
from bench_samples import environment, latency, result, subject
from tiny_bundle import make_bundle

from facedge.benchmarks.result import encode
from facedge.cli.main import app, execute

QUICK = ("--quick", "-b", "onnxruntime", "--batch", "1", "--streams", "0", "--seconds", "0")


def bench(*arguments: object) -> int:
    return execute(app, ["bench", *map(str, arguments)])


def saved(path, found):
    path.write_bytes(encode(found))
    return path


def test_a_bundle_alone_is_measured_and_printed(tmp_path, capsys):
    assert bench(make_bundle(tmp_path / "b"), *QUICK) == 0
    out = capsys.readouterr().out
    assert "tiny · onnxruntime" in out
    assert "quick look" in out
    assert "add --out DIR" in out


def test_out_holds_json_page_and_plots(tmp_path, capsys):
    out = tmp_path / "out"
    assert bench(make_bundle(tmp_path / "b"), *QUICK, "--out", out) == 0
    assert {"bench.json", "report.html", "latency.svg"} <= {p.name for p in out.iterdir()}
    assert bench(tmp_path / "b", *QUICK, "--out", out) == 2
    assert "exists already" in capsys.readouterr().err
    assert bench("report", out, "--out", tmp_path / "again") == 0
    page = "report.html"
    assert (tmp_path / "again" / page).read_text() == (out / page).read_text()


def test_json_is_the_result_alone(tmp_path, capsys):
    assert bench(make_bundle(tmp_path / "b"), *QUICK, "--json") == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "facedge-benchmark"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "Missing argument"),
        (("none",), 4, "none is not a folder"),
        (("b", "--queries", "10"), 2, "at least 1024"),
        (("b", "--batch", "1,x"), 2, "--batch is '1,x'"),
        (("b", "--streams", ""), 2, "--streams is ''"),
        (("compare", "a.json", "b.json"), 2, "a.json cannot be read"),
        (("compare", "a.json", "b.json", "--tolerance", "much"), 2, "--tolerance is 'much'"),
        (("explain", "jiter"), 2, "did you mean"),
    ],
)
def test_mistakes_are_one_sentence(arguments, code, sentence, capsys):
    assert bench(*arguments) == code
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.strip().splitlines()) == 1


def test_compare_passes_and_fails_by_exit_code(tmp_path, capsys):
    fast = saved(tmp_path / "fast.json", result(subject(latency=latency([4.0] * 8))))
    slow = saved(tmp_path / "slow.json", result(subject(latency=latency([5.0] * 8))))
    assert bench("compare", fast, fast) == 0
    assert bench("compare", slow, fast) == 0
    assert bench("compare", fast, slow, "--tolerance", "30%") == 0
    assert bench("compare", fast, slow, "--tolerance", "0.3") == 0
    capsys.readouterr()
    assert bench("compare", fast, slow) == 3
    shown = capsys.readouterr()
    assert "slower" in shown.out
    assert "1.25 times as long" in shown.err


def test_compare_prints_one_json_object_and_exits_3(tmp_path, capsys):
    fast = saved(tmp_path / "fast.json", result(subject(latency=latency([4.0] * 8))))
    slow = saved(tmp_path / "slow.json", result(subject(latency=latency([5.0] * 8))))
    assert bench("compare", fast, slow, "--json") == 3
    found = json.loads(capsys.readouterr().out)
    assert found["rows"][0]["verdict"] == "slower"
    assert len(found["regressions"]) == 1


def test_other_devices_need_force(tmp_path, capsys):
    one = saved(tmp_path / "one.json", result(subject()))
    two = saved(tmp_path / "two.json", result(subject(), environment=environment(device="Other")))
    assert bench("compare", one, two) == 2
    assert "--force" in capsys.readouterr().err
    assert bench("compare", one, two, "--force") == 0


def test_explain_lists_all_or_one(capsys):
    assert bench("explain") == 0
    assert "jitter" in capsys.readouterr().out
    assert bench("explain", "p99", "--json") == 0
    assert [term["name"] for term in json.loads(capsys.readouterr().out)] == ["p99"]


def test_a_folder_called_like_a_command_is_reached_by_its_path(tmp_path, monkeypatch, capsys):
    make_bundle(tmp_path / "compare")
    monkeypatch.chdir(tmp_path)
    assert bench("./compare", *QUICK) == 0
    assert "tiny · onnxruntime" in capsys.readouterr().out
