"""The daemon of Python workers: it serves whatever happens while it loads, and what it loads is what workers
need.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys

import pytest

from pipelines.settings import Settings, packaged

_DAEMON = "pipelines.steps.worker_daemon"
_KERNELS = """
import json, sys
import pyarrow as pa
from numba.core.dispatcher import Dispatcher

import pipelines.steps.worker_daemon as daemon

def loaded():
    return {
        f"{module}.{name}": len(kernel.signatures)
        for module, found in [*sys.modules.items()] if module.startswith("pipelines.")
        for name, kernel in vars(found).items() if isinstance(kernel, Dispatcher)
    }

daemon.load()
before = loaded()

from datetime import date
from pipelines.settings import Settings, packaged
from pipelines.steps.silver import judged_curves
from pipelines.transforms.curves.day_curves import refine_curves
from pipelines.vee.settings import VeeSettings

bronze, points = daemon.example()
again = bronze.set_column(
    bronze.column_names.index("meter_point_id"), "meter_point_id", pa.repeat("MP-2", bronze.num_rows)
)
points = pa.concat_tables([points, points.set_column(0, "meter_point_id", pa.array(["MP-2"]))])
vee = Settings(packaged("conf"), packaged("conf")).section(VeeSettings)
many = pa.concat_tables([bronze, again])
judged_curves(many, refine_curves(many, points, {}, vee, ["2026-01"], date(2026, 6, 1)), points)
print(json.dumps({"before": before, "after": loaded()}))
"""


def test_the_settings_name_it() -> None:
    extra = Settings(packaged("conf"), packaged("conf")).platform.spark.extra
    assert extra["spark.python.daemon.module"] == _DAEMON


def test_what_a_worker_refines_finds_every_kernel_loaded() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _KERNELS], capture_output=True, text=True, check=True, timeout=300
    )
    found = json.loads(answer.stdout.splitlines()[-1])
    assert found["after"] == found["before"]
    assert sum(count > 0 for count in found["before"].values()) >= 20


@pytest.mark.parametrize("spoilt", ["", "daemon.load = lambda: print('chatter') or 1 / 0;"])
def test_it_tells_its_port_and_nothing_else_and_ends_with_its_master(spoilt: str) -> None:
    code = f"import {_DAEMON} as daemon; {spoilt} daemon.main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "pyspark.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHON_UNIX_DOMAIN_ENABLED": "false"},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        (port,) = struct.unpack("!i", process.stdout.read(4))
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
        process.stdin.close()
        process.wait(timeout=30)
