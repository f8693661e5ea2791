/** Whether predicted probabilities come true, and how the predictions of the two classes are spread. */
import { calibrationGap } from "../evaluation/index.ts";
import { chart } from "./chart.ts";
import { formatCount, formatMetric, formatSignificant } from "./format.ts";
import { type Html, html } from "./html.ts";
import type { ReportCalibration, ReportInput, ReportScores } from "./report-input.ts";
import { linearScale, logitScale, logScale, type Scale } from "./scale.ts";

export function calibrationSection({ calibration, scores, curves }: ReportInput): Html | undefined {
  const charts = [
    ...calibrationCharts(
      calibration,
      curves.map(({ model }) => model),
    ),
    ...scores.flatMap((one) => scoreChart(one, scores.length > 1)),
  ];
  if (charts.length === 0) return undefined;
  return html`<section id="calibration" aria-labelledby="calibration-title">
<h2 id="calibration-title">Calibration and scores</h2>
<div class="charts">${charts}</div>
<p class="note">Each calibration point holds an equal share of the rows; bars, where up to two models are drawn, are 95 % intervals of the observed rate (Wilson). Points above the diagonal came true more often than predicted.</p>
</section>`;
}

/** One chart a (label, split), one line a model. */
function calibrationCharts(calibration: readonly ReportCalibration[], models: readonly string[]): Html[] {
  const places = [...new Set(calibration.map(({ label, split }) => JSON.stringify([label, split])))];
  return places.flatMap((place) => {
    const members = calibration.filter(
      ({ label, split, bins }) => JSON.stringify([label, split]) === place && bins.length > 0,
    );
    return members.length === 0 ? [] : [calibrationChart(members, models)];
  });
}

/** @param models in the order of the learning curves, so that a model has one colour on the whole page */
function calibrationChart(members: readonly ReportCalibration[], models: readonly string[]): Html {
  const [{ label, split }] = members;
  const bins = members.flatMap((member) => member.bins);
  const intervals = bins.map((bin) => wilson(bin.meanLabel, bin.rows));
  const positive = bins.flatMap((bin) => [bin.meanPrediction, bin.meanLabel]).filter((value) => value > 0);
  const high = Math.max(...positive, ...intervals.map(([, upper]) => upper), 1e-6);
  const low = Math.min(...positive, high / 2);
  // Click rates span orders of magnitude; on even axes all but the last bins would fall into one corner.
  const isLog = high / low > 20;
  const axis = (): Scale => (isLog ? logScale(low * 0.8, Math.min(1, high * 1.1)) : linearScale(0, high));
  const [x, y] = [axis(), axis()];
  const ends = isLog ? [low * 0.8, Math.min(1, high * 1.1)] : [0, Math.max(...x.ticks)];
  const worst = bins.reduce((a, b) => (calibrationGap(b) > calibrationGap(a) ? b : a));
  return chart({
    title: `Calibration of ${label}, ${split} split`,
    description: `The largest gap between prediction and observation is ${formatMetric(calibrationGap(worst))}, where ${formatSignificant(worst.meanPrediction)} is predicted and ${formatSignificant(worst.meanLabel)} observed.`,
    x: { label: `mean prediction${isLog ? " (log)" : ""}`, scale: x, format: formatSignificant },
    y: { label: `observed rate${isLog ? " (log)" : ""}`, scale: y, format: formatSignificant },
    series: [
      ...members.map((member, i) => ({
        name: member.model,
        style: (models.includes(member.model) ? models.indexOf(member.model) : i) + 1,
        shape: "line-and-dots" as const,
        points: member.bins.map((bin) => [bin.meanPrediction, bin.meanLabel] as const),
        intervals: members.length > 2 ? [] : member.bins.map((bin) => wilson(bin.meanLabel, bin.rows)),
      })),
      { name: "perfect", style: 0, points: ends.map((end) => [end, end] as const) },
    ],
    table: {
      columns: [
        { title: "model" },
        { title: "rows", numeric: true },
        { title: "mean prediction", numeric: true },
        { title: "observed rate", numeric: true },
      ],
      rows: members.flatMap((member) =>
        member.bins.map((bin) => [
          member.model,
          formatCount(bin.rows),
          formatMetric(bin.meanPrediction),
          formatMetric(bin.meanLabel),
        ]),
      ),
    },
  });
}

/** Wilson's 95 % score interval of a rate observed over n rows. */
function wilson(rate: number, n: number): [number, number] {
  const z = 1.959964;
  const centre = (rate + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((rate * (1 - rate)) / n + (z * z) / (4 * n * n));
  return [centre - half, centre + half];
}

function scoreChart({ model, label, split, bins }: ReportScores, nameModel: boolean): Html[] {
  const total = (of: "positives" | "negatives"): number => bins.reduce((sum, bin) => sum + bin[of], 0);
  if (bins.length === 0) return [];
  const classes = (
    [
      ["negatives", 1],
      ["positives", 2],
    ] as const
  )
    .filter(([of]) => total(of) > 0)
    .map(([of, style]) => {
      const shares = bins.map((bin) => bin[of] / total(of));
      // Steps: both ends of each bin at its height.
      const points = bins.flatMap((bin, i) => [[bin.from, shares[i]] as const, [bin.to, shares[i]] as const]);
      return { name: of, style, points, shape: "area" as const, shares };
    });
  const [low, high] = [bins[0].from, bins[bins.length - 1].to];
  const median = classes.map(
    ({ name, shares }) => `half of the ${name} score below ${formatSignificant(bins[medianBin(shares)].to)}`,
  );
  return [
    chart({
      title: `Scores of ${label}${nameModel ? ` by ${model}` : ""}, ${split} split`,
      description: `${median.join("; ")}.`,
      x: {
        label: "predicted probability (log-odds scale)",
        scale: logitScale(low, high > low ? high : Math.min(0.9999, low * 1.5)),
        format: formatSignificant,
      },
      y: {
        label: "share of the class",
        scale: linearScale(0, Math.max(...classes.flatMap(({ shares }) => shares))),
        format: (share) => `${formatSignificant(100 * share)}\u00a0%`,
      },
      series: classes,
      table: {
        columns: [
          { title: "from" },
          { title: "to", numeric: true },
          { title: "negatives", numeric: true },
          { title: "positives", numeric: true },
        ],
        rows: bins.map((bin) => [
          formatSignificant(bin.from),
          formatSignificant(bin.to),
          formatCount(bin.negatives),
          formatCount(bin.positives),
        ]),
      },
    }),
  ];
}

/** The first bin up to which at least half of the class lies. */
function medianBin(shares: readonly number[]): number {
  let sum = 0;
  for (const [bin, share] of shares.entries()) {
    sum += share;
    if (sum >= 0.5) return bin;
  }
  return shares.length - 1;
}
