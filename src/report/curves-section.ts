/** Training loss by step and validation by epoch, one line a model. */
import { chart } from "./chart.ts";
import { formatCount, formatMetric, formatSignificant } from "./format.ts";
import { type Html, html } from "./html.ts";
import type { ReportCurves, ReportInput } from "./report-input.ts";
import { integerScale, linearScale } from "./scale.ts";
import { dataTable } from "./table.ts";

const PLOTTED_STEPS = 160;
const TABLE_ROWS = 20;

export function curvesSection({ curves }: ReportInput): Html | undefined {
  const charts = [lossChart(curves), validationChart(curves), validationLossChart(curves)].filter(
    (one) => one !== undefined,
  );
  if (charts.length === 0) return undefined;
  return html`<section id="curves" aria-labelledby="curves-title">
<h2 id="curves-title">Training</h2>
<div class="charts">${charts}${epochsTable(curves)}</div>
</section>`;
}

/** Which weights were kept, in figures. */
function epochsTable(curves: readonly ReportCurves[]): Html | undefined {
  const trained = curves.filter(({ epochs }) => epochs.length > 0);
  if (trained.length === 0) return undefined;
  const monitor = trained.find((one) => one.monitor !== undefined)?.monitor;
  return dataTable({
    caption: "Epochs run and weights kept",
    showCaption: true,
    columns: [
      { title: "model" },
      { title: "epochs", numeric: true },
      { title: "steps", numeric: true },
      { title: "kept epoch", numeric: true },
      ...(monitor === undefined ? [] : [{ title: `validation ${monitor}`, numeric: true }]),
      { title: "last training loss", numeric: true },
    ],
    rows: trained.map(({ model, epochs, bestEpoch }) => {
      const last = epochs[epochs.length - 1];
      const kept = epochs.find(({ epoch }) => epoch === bestEpoch) ?? last;
      const value = monitor === undefined ? null : (kept.validation[monitor] ?? null);
      return [
        model,
        String(epochs.length),
        formatCount(last.step),
        String(kept.epoch),
        ...(monitor === undefined ? [] : [value === null ? "–" : formatMetric(value)]),
        formatMetric(last.trainLoss),
      ];
    }),
  });
}

function lossChart(curves: readonly ReportCurves[]): Html | undefined {
  const series = curves.flatMap(({ model, steps }, i) => {
    const points = averaged(
      steps.map(({ step, loss }) => [step, loss] as const),
      PLOTTED_STEPS,
    );
    return points.length === 0 ? [] : [{ name: model, style: i + 1, points }];
  });
  if (series.length === 0) return undefined;
  const all = series.flatMap(({ points }) => points);
  const losses = all.map(([, loss]) => loss).sort((a, b) => a - b);
  // A few huge first losses would flatten the rest: the axis covers all but the top percent.
  const high = losses[Math.floor((losses.length - 1) * 0.99)];
  const last = series.map(
    ({ name, points }) => `${name} ends at ${formatMetric(points[points.length - 1][1])}`,
  );
  return chart({
    title: "Training loss by step",
    description: `${last.join("; ")}.`,
    x: { label: "step", scale: linearScale(0, Math.max(...all.map(([step]) => step))), format: formatCount },
    y: {
      label: "loss (mean of neighbouring steps)",
      scale: linearScale(losses[0], high),
      format: formatSignificant,
    },
    series,
    table: {
      columns: [{ title: "model" }, { title: "step", numeric: true }, { title: "loss", numeric: true }],
      rows: series.flatMap(({ name, points }) =>
        averaged(points, TABLE_ROWS).map(([step, loss]) => [name, formatCount(step), formatMetric(loss)]),
      ),
    },
  });
}

/** The monitored metric on the validation split, with the oracle's as a level line. */
function validationChart(curves: readonly ReportCurves[]): Html | undefined {
  const monitor = curves.find((one) => one.monitor !== undefined)?.monitor;
  if (monitor === undefined) return undefined;
  const oracle = curves.find((one) => one.oracle !== undefined)?.oracle;
  return epochChart(
    `Validation ${monitor} by epoch`,
    monitor,
    curves,
    (epoch) => epoch.validation[monitor] ?? null,
    oracle,
  );
}

/** Log loss as well, unless it is the monitor already: AUC does not see miscalibration. */
function validationLossChart(curves: readonly ReportCurves[]): Html | undefined {
  if (curves.some(({ monitor }) => monitor === "log_loss")) return undefined;
  return epochChart(
    "Validation log loss by epoch",
    "log loss",
    curves,
    (epoch) => epoch.validation.log_loss ?? null,
    undefined,
  );
}

function epochChart(
  title: string,
  axis: string,
  curves: readonly ReportCurves[],
  valueAt: (epoch: ReportCurves["epochs"][number]) => number | null,
  oracle: number | undefined,
): Html | undefined {
  const series = curves.flatMap(({ model, epochs }, i) => {
    const points = epochs.flatMap((epoch): [number, number][] => {
      const value = valueAt(epoch);
      return value === null ? [] : [[epoch.epoch, value]];
    });
    return points.length === 0
      ? []
      : [{ name: model, style: i + 1, points, shape: "line-and-dots" as const }];
  });
  if (series.length === 0) return undefined;
  const all = series.flatMap(({ points }) => points);
  const lastEpoch = Math.max(...all.map(([epoch]) => epoch));
  const firstEpoch = Math.min(...all.map(([epoch]) => epoch));
  const values = [...all.map(([, value]) => value), ...(oracle === undefined ? [] : [oracle])];
  const level =
    oracle === undefined
      ? []
      : [
          {
            name: "oracle",
            style: 0,
            points: [
              [firstEpoch, oracle],
              [Math.max(lastEpoch, firstEpoch + 1), oracle],
            ] as const,
          },
        ];
  const best = curves.flatMap(({ model, bestEpoch }) =>
    bestEpoch === undefined ? [] : [`${model} is best after epoch ${bestEpoch}`],
  );
  return chart({
    title,
    description: `${best.join("; ")}${best.length === 0 ? "" : ". "}${oracle === undefined ? "" : `The oracle reaches ${formatMetric(oracle)}.`}`,
    x: { label: "epoch", scale: integerScale(firstEpoch, lastEpoch), format: String },
    y: {
      label: axis,
      scale: linearScale(Math.min(...values), Math.max(...values)),
      format: formatSignificant4,
    },
    series: [...series, ...level],
    table: {
      columns: [{ title: "model" }, { title: "epoch", numeric: true }, { title: axis, numeric: true }],
      rows: series.flatMap(({ name, points }) =>
        points.map(([epoch, value]) => [name, String(epoch), formatMetric(value)]),
      ),
    },
  });
}

const formatSignificant4 = (value: number): string => formatSignificant(value, 4);

/** At most `most` points, each the mean of neighbours. */
function averaged(
  points: readonly (readonly [number, number])[],
  most: number,
): (readonly [number, number])[] {
  const size = Math.ceil(points.length / most);
  if (size <= 1) return [...points];
  const means: (readonly [number, number])[] = [];
  for (let start = 0; start < points.length; start += size) {
    const group = points.slice(start, start + size);
    means.push([group[group.length - 1][0], group.reduce((sum, [, y]) => sum + y, 0) / group.length]);
  }
  return means;
}
