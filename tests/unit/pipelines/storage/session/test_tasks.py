"""What tasks are given, and workers woken before the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pipelines.storage.session.tasks import task_frame, wake_workers

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_each_number_or_text_is_a_task_of_its_own_as_it_was_given(spark: SparkSession) -> None:
    numbers = task_frame(spark, [7, 3, 5], "bucket")
    assert [row.bucket for row in numbers.collect()] == [7, 3, 5]
    assert numbers.rdd.getNumPartitions() == 3
    texts = ["[]", "[\"/收件 箱/\\\\xd3 'a'.csv\"]", "${x} %s\n"]
    assert [row.paths for row in task_frame(spark, texts, "paths").collect()] == texts


def test_woken_workers_are_there(spark: SparkSession) -> None:
    thread = wake_workers(spark)
    thread.join(timeout=120)
    assert not thread.is_alive()


def test_a_session_that_is_gone_hurts_nobody() -> None:
    thread = wake_workers(cast("SparkSession", None))
    thread.join(timeout=10)
    assert not thread.is_alive()
