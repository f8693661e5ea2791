/** The first thing a reader sees: the headline figures as tiles, and what they mean in sentences. */
import type { MetricValue } from "../evaluation/index.ts";
import { formatCount, formatMetric, formatMetricValue, formatShare } from "./format.ts";
import { type Html, html } from "./html.ts";
import type { ReportEvaluation, ReportInput } from "./report-input.ts";

const tileNames: { readonly [metric: string]: string } = {
  auc: "AUC",
  gauc: "gAUC",
  log_loss: "Log loss",
  ne: "Normalized entropy",
  calibration_ratio: "Predicted / observed",
  ece: "Calibration error",
  rmse: "RMSE",
  mae: "MAE",
};

/** Models of each of which the summary says where it is weak. */
const MOST_SAID = 3;

/** The evaluation that the summary speaks of: the test split's, else the last. */
export function mainEvaluation({ evaluations }: ReportInput): ReportEvaluation | undefined {
  return evaluations.find(({ split }) => split === "test") ?? evaluations.at(-1);
}

export function summarySection(input: ReportInput): Html {
  const evaluation = mainEvaluation(input);
  return html`<section class="summary" id="summary" aria-labelledby="summary-title">
<h2 id="summary-title">Summary</h2>
${evaluation === undefined ? undefined : tiles(evaluation)}
${[...input.summary, ...sentences(input)].map((sentence) => html`<p>${sentence}</p>`)}
</section>`;
}

function tiles({ metrics, oracle, split }: ReportEvaluation): Html {
  const known = Object.keys(tileNames).filter((name) => metrics[name] !== undefined);
  const shown = known.length > 0 ? known : Object.keys(metrics);
  return html`<ul class="tiles">${shown.slice(0, 6).map((name) => {
    const best = oracle?.[name]?.value ?? undefined;
    const beside = best === undefined ? `${split} split` : `${split} split, oracle ${formatMetric(best)}`;
    return html`<li><span class="name">${tileNames[name] ?? name}</span> <span class="value">${formatMetricValue(metrics[name])}</span> <span class="beside">${beside}</span></li>`;
  })}</ul>`;
}

/** What the figures say, each sentence only where its figures exist. */
export function sentences(input: ReportInput): string[] {
  const evaluation = mainEvaluation(input);
  const said: string[] = [];
  if (evaluation?.unit === "users") said.push(...retrievalSentences(evaluation, input));
  else if (evaluation !== undefined) said.push(...evaluationSentences(evaluation, input.evaluations));
  if (input.comparison !== undefined && input.comparison.models.length > 1) {
    // Runs of one kind: ranked items have no AUC.
    const decides = evaluation?.unit === "users" ? Object.keys(evaluation.metrics)[0] : "auc";
    const ranked = input.comparison.models
      .flatMap(({ name, metrics: { [decides]: metric } }) =>
        typeof metric?.value === "number" ? [{ name, value: metric.value }] : [],
      )
      .sort((a, b) => b.value - a.value);
    if (input.shownModel !== undefined) {
      const best = typeof evaluation?.metrics[decides]?.value === "number";
      said.unshift(
        `The figures above, and all below that is said of one model, are those of ${input.shownModel}${best ? `, the best by ${tileNames[decides] ?? decides}` : ""}.`,
      );
    }
    if (ranked.length > 1) {
      const list = ranked.map(({ name, value }) => `${name} (${formatMetric(value)})`).join(", ");
      said.push(
        `By ${tileNames[decides] ?? decides} on the ${input.comparison.split} split the models rank: ${list}.`,
      );
    }
  }
  if (input.differences !== undefined && input.differences.settings.length > 0) {
    const { settings } = input.differences;
    const named = settings.slice(0, 4).map(({ key }) => key);
    const more = settings.length > 4 ? ` and ${settings.length - 4} more` : "";
    said.push(`Their configurations differ in ${named.join(", ")}${more}.`);
  }
  said.push(...sliceSentences(input));
  const [curves] = input.curves;
  if (curves?.bestEpoch !== undefined && input.curves.length === 1) {
    said.push(
      `Training ran for ${curves.epochs.length} ${curves.epochs.length === 1 ? "epoch" : "epochs"}; the weights kept are those after epoch ${curves.bestEpoch}${curves.monitor === undefined ? "" : `, the best by validation ${curves.monitor}`}.`,
    );
  }
  const collapsed = input.features.filter(
    ({ table }) =>
      table?.informationAbundance !== undefined &&
      table.rows > 3 * table.dim &&
      table.informationAbundance < table.dim / 4,
  );
  if (collapsed.length > 0) {
    const names = collapsed
      .slice(0, 3)
      .map(({ name, table }) => `${name} (${table?.informationAbundance?.toFixed(1)} of ${table?.dim})`);
    const more = collapsed.length > 3 ? ` and ${collapsed.length - 3} more` : "";
    said.push(
      `${collapsed.length} of ${input.features.length} features have embeddings that use less than a quarter of their directions: ${names.join(", ")}${more}.`,
    );
  }
  return said;
}

/** How much of what users took next is found, and whether that is more than popularity. */
function retrievalSentences(
  { metrics, rows, split }: ReportEvaluation,
  { retrieval = [] }: ReportInput,
): string[] {
  const [name, metric] = Object.entries(metrics)[0] ?? [];
  const said: string[] = [];
  if (name !== undefined && metric?.value !== null && metric !== undefined) {
    said.push(
      `For ${formatCount(rows)} users of the ${split} split, all items ranked, ${name} is ${formatMetric(metric.value)}.`,
    );
  }
  for (const { model, k, coverage, popularity, index } of retrieval) {
    const whose = retrieval.length > 1 ? ` of ${model}` : "";
    const [top] = popularity;
    if (top === undefined) continue;
    const beside = top.recommended - top.heldOut;
    said.push(
      `Lists${whose} of ${k} show ${formatShare(coverage)} of all items; ${formatShare(top.recommended)} of their places go to the most popular tenth, which is ${formatShare(top.heldOut)} of what users took next${
        Math.abs(beside) < 0.05
          ? ""
          : beside > 0
            ? ": popular items are favoured"
            : ": popular items are held back"
      }.`,
    );
    if (index?.measured !== undefined) {
      said.push(
        `The ${index.kind} index${whose} finds ${formatShare(index.measured.recall)} of the ${index.measured.k} best that exact search finds.`,
      );
    }
  }
  return said;
}

/** Where the model is much weaker than on what training showed often. */
function sliceSentences({ slices, shownModel }: ReportInput): string[] {
  const models = new Set(slices.map(({ model }) => model));
  // The tables have all; eight sentences alike would be skipped.
  const isSaid = (model: string): boolean => models.size <= MOST_SAID || model === shownModel;
  return slices.flatMap(({ by, label, model, slices: parts }) => {
    if (!isSaid(model)) return [];
    const aucOf = (part: (typeof parts)[number]): number | undefined => part.metrics.auc?.value ?? undefined;
    const [head] = parts;
    const fresh = parts.find(({ name }) => name === "new to training");
    const [usual, own] = [aucOf(head), fresh === undefined ? undefined : aucOf(fresh)];
    if (fresh === undefined || usual === undefined || own === undefined || usual - own < 0.02) return [];
    const share = fresh.rows / parts.reduce((sum, { rows }) => sum + rows, 0);
    const whose = models.size > 1 ? ` of ${model}` : "";
    return [
      `Where ${by} is new to training (${formatShare(share)} of the rows) AUC${whose} for ${label} is ${formatMetric(own)}, ${formatMetric(usual - own)} below that of its most frequent values.`,
    ];
  });
}

function evaluationSentences(evaluation: ReportEvaluation, all: readonly ReportEvaluation[]): string[] {
  const { metrics, oracle, rows, positives, split, label } = evaluation;
  const value = (
    name: string,
    from: { readonly [name: string]: MetricValue } = metrics,
  ): number | undefined => from[name]?.value ?? undefined;
  const said: string[] = [];
  const auc = value("auc");
  const base = positives === undefined ? "" : `, ${formatShare(positives / rows)} of them positive`;
  const of = `the ${split} split (${formatCount(rows)} rows${base})`;
  if (auc === undefined) said.push(`The model predicts ${label}, measured on ${of}.`);
  else {
    const best = value("auc", oracle ?? {});
    const share = best === undefined || best <= 0.5 ? undefined : (auc - 0.5) / (best - 0.5);
    said.push(
      `On ${of}, a positive for ${label} scores above a negative ${formatShare(auc)} of the time${
        share === undefined || best === undefined
          ? "."
          : `; the true probabilities themselves reach ${formatShare(best)}, so the model closes ${formatShare(Math.max(0, share))} of the way from guessing to the best possible.`
      }`,
    );
  }
  const ne = value("ne");
  if (ne !== undefined) {
    said.push(
      ne < 1
        ? `Its log loss is ${formatShare(1 - ne)} below that of always predicting the base rate.`
        : "Its log loss is no better than always predicting the base rate.",
    );
  }
  const ratio = value("calibration_ratio");
  if (ratio !== undefined) {
    const off = Math.abs(ratio - 1);
    said.push(
      off < 0.005
        ? "Predictions add up to the observed positives within half a per cent."
        : `Predictions add up to ${formatShare(off)} ${ratio > 1 ? "more" : "fewer"} positives than were observed.`,
    );
  }
  const train = all.find((other) => other.split === "train" && other.label === label);
  const trainAuc = train === undefined || train === evaluation ? undefined : value("auc", train.metrics);
  if (auc !== undefined && trainAuc !== undefined && trainAuc - auc > 0.02) {
    said.push(
      `AUC on the training split is ${formatMetric(trainAuc)}, ${formatMetric(trainAuc - auc)} higher: the model also remembers its training rows.`,
    );
  }
  return said;
}
