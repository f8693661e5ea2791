/** How much a run's experts repeat each other, over all of them and by pair (Crocodile's measure). */
import { expertCovariance, type ExpertOutput, type MetricValue } from "../evaluation/index.ts";
import { observeRun } from "../run/index.ts";
import { type NotApplicable, notApplicable, type StudiedRun } from "./tool.ts";

export interface ExpertStudy {
  readonly rows: number;
  readonly experts: readonly string[];
  /** Mean over pairs of |covariance|. */
  readonly covariance: MetricValue;
  /** 1 - mean over pairs of |correlation|. */
  readonly diversity: MetricValue;
  /** Mean |correlation| of two experts' dimensions, `[i][j]`; null on the diagonal. */
  readonly correlation: readonly (readonly (number | null)[])[];
}

export async function expertsOfRun({
  run,
  engine,
  source,
  rows,
}: StudiedRun): Promise<ExpertStudy | NotApplicable> {
  const shown = await observeRun(run, engine, source, { rows });
  const found = Object.entries(shown).filter(([name]) => name.startsWith("experts."));
  if (found.length < 2) return notApplicable(`${run.config.model.name} shows fewer than two experts`);
  const outputs = found.map(([, { data, shape }]): ExpertOutput => ({ data, width: shape[0] }));
  const { covariance, diversity } = expertCovariance(outputs);
  const between = (i: number, j: number): number | null => {
    if (i === j) return null;
    const { value } = expertCovariance([outputs[i], outputs[j]]).diversity;
    return value === null ? null : 1 - value;
  };
  return {
    rows: outputs[0].data.length / outputs[0].width,
    experts: found.map(([name]) => name.replace(/^experts\./, "")),
    covariance,
    diversity,
    correlation: outputs.map((_, i) => outputs.map((_, j) => (j < i ? between(i, j) : between(j, i)))),
  };
}
