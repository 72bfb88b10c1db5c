"""What several ranks send a step, and where its time goes."""

from __future__ import annotations

import pytest
from experiments import TINY
from fellows import together

from cnnrun.bench import bench_ranks
from cnnrun.bench.ranks import formula_bytes
from cnnrun.errors import ConfigError
from cnnrun.runs import RankedTeam


def measured(folder, ranks, *overrides):
    (folder / "tiny.yaml").write_text(TINY)

    def work(fellow):
        return bench_ranks(
            folder / "tiny.yaml", overrides, seconds=0.01, workers=1, team=RankedTeam(fellow)
        )

    return together(ranks, work)


def test_the_formula_by_hand():
    assert formula_bytes(1000, 4, 2) == 2 * 4000 / 2  # a rank sends the one sum of two shards
    assert formula_bytes(1000, 16, 4) == 2 * 4000 * 3 / 4
    assert formula_bytes(1000, 4, 3) == 2 * 4000 * 2 / 3
    assert formula_bytes(1000, 5, 2) == 2.5 * 4000 / 2  # 0+1 is one sum; 2+3 and 4 are two
    assert formula_bytes(1000, 5, 1) == 0


@pytest.mark.parametrize(("ranks", "shard"), [(2, 4), (2, 2), (3, 4), (4, 2)])
def test_a_rank_sends_what_the_formula_says(tmp_path, ranks, shard):
    benchmarks = measured(tmp_path, ranks, f"train.shard_size={shard}")
    (result,) = benchmarks[0].results
    assert [benchmark.is_leader for benchmark in benchmarks] == [True] + [False] * (ranks - 1)
    assert all(benchmark.results == benchmarks[0].results for benchmark in benchmarks)
    assert result.sent_bytes == pytest.approx(result.formula_bytes, rel=0.02)
    assert result.shards == 16 // shard
    assert result.further_bytes > 0
    assert result.step_ms > 0 < result.compute_ms
    assert benchmarks[0].to_dict()["results"][0]["batch"] == 16


def test_a_single_process_is_told_how_to_start_more(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    with pytest.raises(ConfigError, match="mpiexec -n 2 cnnrun bench"):
        bench_ranks(tmp_path / "tiny.yaml")
