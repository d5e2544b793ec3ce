"""Boards, clocks, heat and power on file trees written from documentation (jetson_boards.py)."""

from __future__ import annotations

import pytest
from jetson_boards import (
    BOARDS,
    I2C,
    agx_orin,
    cooling,
    modes,
    orin_nano,
    over_current,
    thor,
    write,
)

from facedge.benchmarks.clocks import read_clocks
from facedge.benchmarks.environment import read_environment
from facedge.benchmarks.jetson import read_jetson
from facedge.benchmarks.power import Sampler, find_meter, read_rails
from facedge.benchmarks.sysfs import Files
from facedge.benchmarks.thermal import snapshot, throttling
from facedge.benchmarks.watch import Watch


def test_orin_nano_names_its_software_and_power_mode(tmp_path):
    found = read_jetson(Files(orin_nano(tmp_path)))
    assert found is not None
    assert found.board == "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super"
    assert (found.l4t, found.jetpack, found.power_mode) == ("36.4.3", "6.2", "25W (1)")


def test_the_installed_package_says_the_jetpack(tmp_path):
    found = read_jetson(Files(agx_orin(tmp_path)))
    assert found is not None
    assert (found.l4t, found.jetpack, found.power_mode) == ("36.4.0", "6.1", "MAXN (0)")


def test_thor_is_jetpack_7(tmp_path):
    found = read_jetson(Files(thor(tmp_path)))
    assert found is not None
    assert (found.l4t, found.jetpack, found.power_mode) == ("38.4.0", "7.1", "120W (1)")


def test_a_pc_is_no_jetson_and_gives_no_note(tmp_path):
    files = Files(write(tmp_path, {"proc/cpuinfo": "model name\t: Some CPU @ 2 GHz"}))
    assert read_jetson(files) is None
    assert files.notes == []


@pytest.mark.parametrize("board", BOARDS)
def test_a_whole_board_is_read_without_a_note(tmp_path, board):
    files = Files(BOARDS[board](tmp_path))
    with Watch(files) as watch:
        pass
    found = read_environment(files, watch)
    assert found.notes == ()
    assert found.throttling == ()
    assert found.board.startswith("NVIDIA Jetson")
    assert found.device.startswith(found.board)
    assert found.rails
    assert found.clocks_before == found.clocks_after != ()
    assert {t.name for t in found.temperatures} >= {"cpu-thermal", "tj-thermal"}


def test_clocks_are_in_megahertz_whatever_the_files_unit(tmp_path):
    found = {c.name: c for c in read_clocks(Files(agx_orin(tmp_path)))}
    assert {n: (c.mhz, c.max_mhz) for n, c in found.items()} == {
        "cpu 0-3": (729.6, 2201.6),
        "17000000.gpu": (306.0, 1300.5),
        "emc": (3199.0, 3199.0),
    }
    assert found["cpu 0-3"].governor == "schedutil"


def test_rails_are_volts_times_amperes(tmp_path):
    files = Files(agx_orin(tmp_path))
    watts = {rail.name: rail.watts(files) for rail in read_rails(files)}
    assert watts == {
        "VDD_GPU_SOC": 8.0,
        "VDD_CPU_CV": 2.0,
        "VIN_SYS_5V0": 5.0,
        "VDDQ_VDD2_1V8AO": 1.0,
    }


@pytest.mark.parametrize(
    ("board", "name", "watts"),
    [
        ("orin-nano", "VDD_IN", 6.0),
        # the memory's rail is fed by VIN_SYS_5V0 and is not counted twice
        ("agx-orin", "VDD_GPU_SOC + VDD_CPU_CV + VIN_SYS_5V0", 15.0),
        ("thor", "VIN", 23.0),
    ],
)
def test_the_meter_is_the_widest_rail_or_the_sum(tmp_path, board, name, watts):
    meter = find_meter(Files(BOARDS[board](tmp_path)))
    assert meter is not None
    assert meter.name == name
    assert meter.read() == pytest.approx(watts)


def test_the_sampler_integrates_constant_power(tmp_path):
    meter = find_meter(Files(orin_nano(tmp_path)))
    assert meter is not None
    with Sampler(meter, interval=0.001) as sampler:
        sum(range(10000))
    assert sampler.joules == pytest.approx(6.0 * sampler.seconds)


def test_rapl_counts_joules_across_its_wrap(tmp_path):
    base = "sys/class/powercap/intel-rapl:0"
    counter = {f"{base}/name": "package-0", f"{base}/max_energy_range_uj": "9999999"}
    files = Files(write(tmp_path, {**counter, f"{base}/energy_uj": "9000000"}))
    meter = find_meter(files)
    assert meter is not None
    assert meter.name == "RAPL package-0"
    first = meter.read()
    write(tmp_path, {f"{base}/energy_uj": "500000"})
    second = meter.read()
    assert first is not None
    assert second is not None
    assert second - first == pytest.approx(1.5)
    # half of the way to a third reading: half of what it adds
    assert meter.joules([0.0, 1.0, 2.0], [10.0, 11.0, 15.0], 1.5) == pytest.approx(3.0)


def test_without_a_meter_a_note_says_so(tmp_path):
    files = Files(tmp_path)
    assert find_meter(files) is None
    assert files.notes == ["no power sensor can be read here, so energy was not measured"]


def test_a_counter_that_only_root_may_read_is_named(tmp_path):
    base = "sys/class/powercap/intel-rapl:0"
    (tmp_path / base / "energy_uj").mkdir(parents=True)  # a folder: cannot be read, even by root
    files = Files(write(tmp_path, {f"{base}/name": "package-0"}))
    assert find_meter(files) is None
    assert files.notes[0].startswith(f"/{base}/energy_uj cannot be read")


def moments(root, *changes):
    files = Files(root)
    found = [snapshot(files)]
    for change in changes:
        write(root, change)
        found.append(snapshot(files))
    return found


def test_a_cool_machine_does_not_throttle(tmp_path):
    assert throttling(moments(orin_nano(tmp_path), {})) == ()


def test_an_active_cooling_device_is_throttling_and_a_fan_is_not(tmp_path):
    seen = moments(
        orin_nano(tmp_path), {**cooling(0, "pwm-fan", 3), **cooling(1, "cpu-throttle-alert", 1)}
    )
    assert throttling(seen) == ("cooling device cpu-throttle-alert reached state 1",)


def test_over_current_events_are_counted(tmp_path):
    seen = moments(orin_nano(tmp_path), over_current(3, 12))
    assert throttling(seen) == ("oc3_event_cnt grew by 12",)


def test_a_held_clock_that_falls_is_throttling(tmp_path):
    path = "sys/class/devfreq/17000000.gpu/cur_freq"
    seen = moments(orin_nano(tmp_path), {path: "612000000"}, {path: "1020000000"})
    assert throttling(seen) == ("clock 17000000.gpu is held at 1020 MHz and fell to 612 MHz",)


def test_a_clock_that_a_governor_moves_is_not_judged(tmp_path):
    seen = moments(agx_orin(tmp_path), {"sys/class/devfreq/17000000.gpu/cur_freq": "1300500000"})
    assert throttling(seen) == ()


def test_core_throttle_counts_of_a_pc(tmp_path):
    path = "sys/devices/system/cpu/cpu3/thermal_throttle/core_throttle_count"
    seen = moments(write(tmp_path, {path: "5"}), {path: "9"})
    assert throttling(seen) == ("cpu3 core_throttle_count grew by 4",)


@pytest.mark.parametrize(
    ("path", "text", "part"),
    [
        ("etc/nv_tegra_release", "garbage", "/etc/nv_tegra_release begins with 'garbage'"),
        ("etc/nv_tegra_release", "# R99 (release), REVISION: 1.0", "L4T 99.1.0 belongs to no"),
        ("var/lib/nvpmodel/status", "?", "/var/lib/nvpmodel/status is '?'; expected 'pmode:"),
        ("var/lib/nvpmodel/status", "pmode:0009", "names no power mode 9"),
        ("etc/nvpmodel.conf", "", "names no power mode 1"),
        ("proc/loadavg", "none", "/proc/loadavg is 'none'; expected numbers"),
        ("proc/meminfo", "MemFree: 1 kB", "/proc/meminfo names no MemTotal"),
        ("sys/class/thermal/thermal_zone0/temp", "hot", "thermal_zone0/temp is 'hot'; expected"),
        (f"{I2C}/ina3221/1-0040/hwmon/hwmon1/in1_input", "--", "in1_input is '--'; expected"),
        ("sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "<unknown>", "'<unknown>'"),
    ],
)
def test_garbled_files_are_named_and_the_rest_is_read(tmp_path, path, text, part):
    files = Files(write(orin_nano(tmp_path), {path: text}))
    with Watch(files) as watch:
        pass
    found = read_environment(files, watch)
    assert [n for n in found.notes if part in n], found.notes
    assert "cpu 4-5" in {c.name for c in found.clocks_before}


@pytest.mark.parametrize("path", ["var/lib/nvpmodel/status", "etc/nvpmodel.conf"])
def test_missing_files_of_a_jetson_are_named(tmp_path, path):
    root = orin_nano(tmp_path)
    (root / path).unlink()
    found = read_environment(Files(root))
    assert f"/{path} is missing" in found.notes
    assert found.l4t == "36.4.3"


def test_unreadable_and_binary_files_are_named(tmp_path):
    root = orin_nano(tmp_path)
    status = root / "var/lib/nvpmodel/status"
    status.unlink()
    status.mkdir()
    (root / "etc/nvpmodel.conf").write_bytes(b"\xff\xfe\0garbage" * 100)
    (root / "sys/class/thermal/thermal_zone1/temp").write_bytes(b"\xff\xff\xff")
    with Watch(Files(root)) as watch:
        pass
    found = read_environment(watch._files, watch)
    assert any("/var/lib/nvpmodel/status cannot be read" in n for n in found.notes)
    assert any("thermal_zone1/temp" in n for n in found.notes)
    assert {t.name for t in found.temperatures} == {"cpu-thermal", "tj-thermal"}


def test_a_sensor_that_is_powered_off_is_left_out_without_a_note(tmp_path, monkeypatch):
    root, real = orin_nano(tmp_path), type(tmp_path).open

    def gated(self, *args, **kwargs):
        if self.match("thermal_zone1/temp"):
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(type(tmp_path), "open", gated)
    files = Files(root)
    assert set(snapshot(files).temperatures) == {"cpu-thermal", "tj-thermal"}
    assert files.notes == []


def test_a_note_is_given_once_however_often_the_file_is_read(tmp_path):
    files = Files(write(tmp_path, {"a": "x"}))
    for _ in range(5):
        assert files.number("a") is None
    assert len(files.notes) == 1


def test_the_format_comment_of_nvpmodel_is_no_mode(tmp_path):
    assert modes("A").startswith("# FORMAT")
    root = write(orin_nano(tmp_path), {"etc/nvpmodel.conf": modes("A", "B")})
    found = read_jetson(Files(root))
    assert found is not None
    assert found.power_mode == "B (1)"
