"""File trees of three Jetson boards, for tests.

Written from what NVIDIA's Jetson Linux Developer Guide, the kernel's documentation of hwmon,
cpufreq, devfreq and thermal, and users' published listings say of such systems; not recorded on
hardware. Names, units and layouts are theirs; the values are invented and round, so that a test
can work its result out by hand.
"""

from __future__ import annotations

from pathlib import Path

I2C = "sys/bus/i2c/drivers"
ORIN_NANO_CLOCKS = {"cpu 0-3": 1728.0, "cpu 4-5": 1728.0, "17000000.gpu": 1020.0}


def write(root: Path, files: dict[str, str]) -> Path:
    """Write each file with a newline at its end, as sysfs does."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def orin_nano(root: Path) -> Path:
    """Jetson Orin Nano Super developer kit, JetPack 6.2, 25 W, clocks held by jetson_clocks."""
    model = "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super"
    release = "4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC"
    files = {
        "etc/nv_tegra_release": f"# R36 (release), REVISION: {release}\n# KERNEL_VARIANT: oot",
        "etc/nvpmodel.conf": modes("15W", "25W", "MAXN_SUPER", "7W"),
        "var/lib/nvpmodel/status": "pmode:0001",
        "proc/meminfo": "MemTotal:        7802112 kB\nMemFree: 1000 kB",
        "proc/loadavg": "0.05 0.02 0.00 1/400 1234",
        "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd42",
        **policy("0", "0 1 2 3", 1728000, 1728000, 1728000, "schedutil"),
        **policy("4", "4 5", 1728000, 1728000, 1728000, "schedutil"),
        **devfreq("17000000.gpu", 1020000000, 1020000000, 1020000000, "nvhost_podgov"),
        **zone(0, "cpu-thermal", 48500),
        **zone(1, "gpu-thermal", 47000),
        **zone(2, "tj-thermal", 48500),
        **cooling(0, "pwm-fan", 2),
        **cooling(1, "cpu-throttle-alert", 0),
        **monitor("ina3221/1-0040/hwmon/hwmon1", ["VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"]),
        # 5 V * 1.2 A, 5 V * 0.4 A, 5 V * 0.3 A
        **readings("ina3221/1-0040/hwmon/hwmon1", [(5000, 1200), (5000, 400), (5000, 300)]),
        **over_current(3, 0),
    }
    device_tree(root, model)
    return write(root, files)


def agx_orin(root: Path) -> Path:
    """Jetson AGX Orin developer kit, JetPack 6.1, MAXN, schedutil; EMC readable."""
    device_tree(root, "NVIDIA Jetson AGX Orin Developer Kit")
    emc = "sys/kernel/debug/bpmp/debug/clk/emc"
    return write(
        root,
        {
            "etc/nv_tegra_release": "# R36 (release), REVISION: 4.0, GCID: 37537400, BOARD: generic"
            ", EABI: aarch64, DATE: Fri Sep 13 04:36:44 UTC 2024",
            "etc/nvpmodel.conf": modes("MAXN", "MODE_15W", "MODE_30W", "MODE_50W"),
            "var/lib/nvpmodel/status": "pmode:0000",
            "var/lib/dpkg/status": "Package: nvidia-jetpack-dev\nStatus: install ok installed\n"
            "Version: 9.9\n\nPackage: nvidia-jetpack\nStatus: install ok installed\n"
            "Architecture: arm64\nVersion: 6.1+b123\n\nPackage: zlib1g\nVersion: 1.2",
            "proc/meminfo": "MemTotal:       64349816 kB",
            "proc/loadavg": "0.10 0.02 0.00 1/900 1234",
            **policy("0", "0 1 2 3", 729600, 729600, 2201600, "schedutil"),
            **devfreq("17000000.gpu", 306000000, 306000000, 1300500000, "nvhost_podgov"),
            f"{emc}/rate": "3199000000",
            f"{emc}/min_rate": "204000000",
            f"{emc}/max_rate": "3199000000",
            **zone(0, "cpu-thermal", 52250),
            **zone(1, "tj-thermal", 53000),
            **cooling(0, "pwm-fan", 0),
            **monitor("ina3221/1-0040/hwmon/hwmon3", ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"]),
            # 20 V * 0.4 A, 20 V * 0.1 A, 5 V * 1 A
            **readings("ina3221/1-0040/hwmon/hwmon3", [(20000, 400), (20000, 100), (5000, 1000)]),
            **monitor("ina3221/1-0041/hwmon/hwmon4", ["NC", "VDDQ_VDD2_1V8AO", "NC"]),
            **readings("ina3221/1-0041/hwmon/hwmon4", [(0, 0), (5000, 200), (0, 0)]),
        },
    )


def thor(root: Path) -> Path:
    """Jetson AGX Thor developer kit, JetPack 7.1, 120 W; an INA238 measures the board's input."""
    device_tree(root, "NVIDIA Jetson AGX Thor Developer Kit")
    return write(
        root,
        {
            "etc/nv_tegra_release": "# R38 (release), REVISION: 4.0, GCID: 43443517, BOARD: generic"
            ", EABI: aarch64, DATE: Thu Jan  1 00:00:00 UTC 2026",
            "etc/nvpmodel.conf": modes("MAXN", "120W", "90W", "70W"),
            "var/lib/nvpmodel/status": "pmode:0001",
            "proc/meminfo": "MemTotal:      128790100 kB",
            "proc/loadavg": "0.20 0.02 0.00 1/900 1234",
            **policy("0", "0", 2601000, 972000, 2601000, "performance"),
            **devfreq("gpu-gpc-0", 1575000000, 315000000, 1575000000, "nvhost_podgov"),
            **devfreq("gpu-nvd-0", 1692000000, 315000000, 1692000000, "nvhost_podgov"),
            **zone(0, "cpu-thermal", 53700),
            **zone(1, "tj-thermal", 55100),
            **cooling(0, "pwm-fan", 1),
            **cooling(1, "gpu-throttle-alert", 0),
            **cooling(10, "devfreq-gpu-gpc-0", 0),
            **monitor("ina3221/2-0040/hwmon/hwmon2", ["VDD_GPU", "VDD_CPU_SOC_MSS", "VIN_SYS_5V0"]),
            **readings("ina3221/2-0040/hwmon/hwmon2", [(20000, 250), (20000, 300), (5000, 1200)]),
            f"{I2C}/ina238/2-0044/hwmon/hwmon4/name": "ina238",
            f"{I2C}/ina238/2-0044/hwmon/hwmon4/label": "VIN",
            f"{I2C}/ina238/2-0044/hwmon/hwmon4/in1_input": "20000",
            f"{I2C}/ina238/2-0044/hwmon/hwmon4/curr1_input": "1150",
            f"{I2C}/ina238/2-0044/hwmon/hwmon4/power1_input": "23000000",
        },
    )


BOARDS = {"orin-nano": orin_nano, "agx-orin": agx_orin, "thor": thor}


def device_tree(root: Path, model: str) -> None:
    """The model, ended by a null byte and no newline."""
    path = root / "proc/device-tree/model"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.encode() + b"\0")


def modes(*names: str) -> str:
    """nvpmodel.conf with these power modes, numbered from 0."""
    blocks = [f"< POWER_MODEL ID={i} NAME={n} >\nCPU_ONLINE CORE_0 1" for i, n in enumerate(names)]
    head = "# FORMAT:\n# < POWER_MODEL ID=id_num NAME=mode_name >"
    return "\n\n".join([head, *blocks, "< PM_CONFIG DEFAULT=0 >"])


def policy(number: str, cpus: str, now: int, low: int, high: int, governor: str) -> dict[str, str]:
    """A cpufreq policy, in kHz."""
    base = f"sys/devices/system/cpu/cpufreq/policy{number}"
    return {
        f"{base}/affected_cpus": cpus,
        f"{base}/scaling_cur_freq": str(now),
        f"{base}/scaling_min_freq": str(low),
        f"{base}/scaling_max_freq": str(high),
        f"{base}/scaling_governor": governor,
    }


def devfreq(name: str, now: int, low: int, high: int, governor: str) -> dict[str, str]:
    """A devfreq device, in Hz."""
    base = f"sys/class/devfreq/{name}"
    return {
        f"{base}/cur_freq": str(now),
        f"{base}/min_freq": str(low),
        f"{base}/max_freq": str(high),
        f"{base}/governor": governor,
    }


def zone(number: int, kind: str, milli: int) -> dict[str, str]:
    """A thermal zone, in thousandths of a degree."""
    base = f"sys/class/thermal/thermal_zone{number}"
    return {f"{base}/type": kind, f"{base}/temp": str(milli)}


def cooling(number: int, kind: str, state: int) -> dict[str, str]:
    """A thermal cooling device."""
    base = f"sys/class/thermal/cooling_device{number}"
    return {f"{base}/type": kind, f"{base}/cur_state": str(state), f"{base}/max_state": "3"}


def monitor(folder: str, labels: list[str]) -> dict[str, str]:
    """An INA3221: three channels, and the sum of shunt voltages, which is no supply."""
    base = f"{I2C}/{folder}"
    found = {f"{base}/in{i}_label": label for i, label in enumerate(labels, 1)}
    return {
        f"{base}/name": "ina3221",
        **found,
        f"{base}/in7_label": "sum of shunt voltages",
        f"{base}/in7_input": "4",
    }


def readings(folder: str, pairs: list[tuple[int, int]]) -> dict[str, str]:
    """Voltage in mV and current in mA of each channel."""
    base = f"{I2C}/{folder}"
    return {
        **{f"{base}/in{i}_input": str(mv) for i, (mv, _) in enumerate(pairs, 1)},
        **{f"{base}/curr{i}_input": str(ma) for i, (_, ma) in enumerate(pairs, 1)},
    }


def over_current(hwmon: int, count: int) -> dict[str, str]:
    """The over-current monitor's counter of Orin."""
    base = f"sys/class/hwmon/hwmon{hwmon}"
    return {f"{base}/name": "soctherm_oc", f"{base}/oc3_event_cnt": str(count)}
