"""Makes samples/ from public data sets: the same source always gives the same bytes.

    python scripts/make_samples.py --source FOLDER [--out samples]

FOLDER (or the environment variable ZHIXIANG_REFERENCE_DATA) holds the extracts of the public data sets:
``steel_15min.parquet``, ``bdg1_daily.parquet``, ``bdg1_meta.csv``, ``bdg1_weather_daily.parquet``,
``nem12/``,
``vic_elec_halfhour.parquet`` and ``school_eload.csv.gz``. What is changed on the way stands in
samples/README.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from sample_sources import buildings, nem12, shapes, steel  # noqa: E402
from sample_sources.writing import SampleFolder  # noqa: E402

from pipelines.formats import FormatSettings  # noqa: E402
from pipelines.settings import load_settings  # noqa: E402


def make_samples(source: Path, out: Path) -> SampleFolder:
    """Writes all generated samples and their manifest below ``out``."""
    samples = SampleFolder(out)
    settings = load_settings(ROOT / "conf").section(FormatSettings)
    steel.make(source, samples)
    buildings.make(source, samples)
    nem12.make(source, samples, settings)
    shapes.make(source, samples)
    samples.manifest()
    return samples


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--source",
        type=Path,
        default=os.environ.get("ZHIXIANG_REFERENCE_DATA"),
        help="folder of the public data sets",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "samples", help="folder to write to")
    arguments = parser.parse_args()
    if arguments.source is None or not Path(arguments.source).is_dir():
        parser.error("name the folder of the public data sets with --source or ZHIXIANG_REFERENCE_DATA")
    samples = make_samples(Path(arguments.source), arguments.out)
    size = sum((arguments.out / file.path).stat().st_size for file in samples.files)
    sys.stdout.write(f"{len(samples.files)} files, {size / 1e6:.1f} MB in {arguments.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
