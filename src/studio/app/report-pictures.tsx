/** What a run's report shows, with charts that answer: calibration, scores, slices, features, spectra. */
import { useMemo, useState } from "preact/hooks";
import { calibrationGap } from "../../evaluation/index.ts";
import {
  formatBytes,
  formatCount,
  formatMetric,
  formatShare,
  formatSignificant,
  integerScale,
  linearScale,
  logitScale,
  logScale,
} from "../../report/drawing/index.ts";
import type { ReportFeature, ReportInput } from "../../report/index.ts";
import { type Line, LineChart } from "./line-chart.tsx";
import { LongTable, Table } from "./parts.tsx";
import { scoreText } from "./words.ts";

export function ReportPictures({ report }: { readonly report: ReportInput }) {
  return (
    <>
      {report.warnings.length === 0 ? undefined : (
        <aside class="alert" aria-label="Read this first">
          {report.warnings.map((warning) => (
            <p key={warning}>{warning}</p>
          ))}
        </aside>
      )}
      <Metrics report={report} />
      <Recommendations retrieval={report.retrieval ?? []} />
      <Calibration report={report} />
      <Features report={report} />
      <Spectra report={report} />
    </>
  );
}

function Metrics({ report: { evaluations, domains, slices = [] } }: { readonly report: ReportInput }) {
  if (evaluations.length === 0) return null;
  const labels = [...new Set(evaluations.map(({ label }) => label))];
  return (
    <section aria-labelledby="metrics">
      <h2 id="metrics">Metrics</h2>
      {labels.map((label) => {
        const own = evaluations.filter((evaluation) => evaluation.label === label);
        const names = [...new Set(own.flatMap(({ metrics }) => Object.keys(metrics)))];
        const columns = own.flatMap(({ split, oracle }) => [
          { title: split, numeric: true },
          ...(oracle === undefined ? [] : [{ title: `${split}, oracle`, numeric: true }]),
        ]);
        return (
          <Table
            key={label}
            caption={`Metrics of ${label} by split`}
            showCaption
            columns={[{ title: "metric" }, ...columns]}
            rows={[
              [
                own[0].unit ?? "rows",
                ...own.flatMap(({ rows, oracle }) => [
                  formatCount(rows),
                  ...(oracle === undefined ? [] : [""]),
                ]),
              ],
              ...names.map((name) => [
                name,
                ...own.flatMap(({ metrics, oracle }) => [
                  scoreText(metrics[name]?.value),
                  ...(oracle === undefined ? [] : [scoreText(oracle[name]?.value)]),
                ]),
              ]),
            ]}
          />
        );
      })}
      {domains.map(({ label, split, domains: each }) => (
        <Table
          key={`${label} ${split}`}
          caption={`${label} by domain, ${split} split`}
          showCaption
          columns={[
            { title: "domain" },
            { title: "rows", numeric: true },
            ...Object.keys(each[0]?.metrics ?? {}).map((title) => ({ title, numeric: true })),
          ]}
          rows={each.map(({ name, rows, metrics }) => [
            name,
            formatCount(rows),
            ...Object.keys(each[0].metrics).map((metric) => scoreText(metrics[metric]?.value)),
          ])}
        />
      ))}
      {slices.map(({ label, split, by, slices: parts }) => {
        const names = [...new Set(parts.flatMap(({ metrics }) => Object.keys(metrics)))];
        const oracle = parts.some((part) => part.oracle !== undefined);
        return (
          <Table
            key={`${label} ${by}`}
            caption={`${label} by popularity of ${by}, ${split} split`}
            showCaption
            columns={[
              { title: `values of ${by}` },
              { title: "rows", numeric: true },
              ...names.map((title) => ({ title, numeric: true })),
              ...(oracle ? [{ title: "auc, oracle", numeric: true }] : []),
            ]}
            rows={parts.map((part) => [
              part.name,
              formatCount(part.rows),
              ...names.map((name) => scoreText(part.metrics[name]?.value)),
              ...(oracle ? [scoreText(part.oracle?.auc?.value)] : []),
            ])}
          />
        );
      })}
    </section>
  );
}

function Recommendations({ retrieval }: { readonly retrieval: NonNullable<ReportInput["retrieval"]> }) {
  const [one] = retrieval;
  if (one === undefined) return null;
  const { cutoffs, popularity, k, users, split, coverage, index } = one;
  return (
    <section aria-labelledby="recommendations">
      <h2 id="recommendations">Recommendations</h2>
      <div class="charts">
        <CutoffChart cutoffs={cutoffs} />
        <PopularityChart popularity={popularity} />
      </div>
      <h3>By popularity of items</h3>
      <Table
        caption={`Lists of ${k} by popularity of items`}
        columns={[
          { title: "tenth" },
          { title: "items", numeric: true },
          { title: "taken in training", numeric: true },
          { title: "held out", numeric: true },
          { title: "of lists", numeric: true },
          { title: "items recommended", numeric: true },
          { title: "vector length", numeric: true },
        ]}
        rows={popularity.map((tenth, place) => [
          place === 0 ? "1, most popular" : String(place + 1),
          formatCount(tenth.items),
          formatShare(tenth.taken),
          formatShare(tenth.heldOut),
          formatShare(tenth.recommended),
          formatShare(tenth.coverage),
          formatSignificant(tenth.norm),
        ])}
      />
      <p class="note">
        Lists of {k} for {formatCount(users)} users of the {split} split, without what they took before;{" "}
        {formatShare(coverage)} of all items are in somebody's list.{" "}
        {index === undefined
          ? "There was no index when this was measured."
          : `Its ${index.kind} index holds ${formatCount(index.items)} items in ${formatBytes(index.bytes)}${
              index.measured === undefined
                ? ""
                : ` and finds ${formatShare(index.measured.recall)} of the ${index.measured.k} best that exact search finds`
            }.`}
      </p>
    </section>
  );
}

type Retrieval = NonNullable<ReportInput["retrieval"]>[number];

function CutoffChart({ cutoffs }: Pick<Retrieval, "cutoffs">) {
  const lines = useMemo(
    () =>
      (["recall", "ndcg"] as const).map(
        (metric, i): Line => ({
          name: metric === "recall" ? "recall" : "NDCG",
          style: i + 1,
          dots: true,
          x: cutoffs.map(({ k }) => k),
          y: cutoffs.map((cutoff) => cutoff[metric]),
        }),
      ),
    [cutoffs],
  );
  const most = Math.max(...cutoffs.map(({ recall, ndcg }) => Math.max(recall, ndcg)), 1e-6);
  const x = useMemo(() => logScale(1, Math.max(2, cutoffs.at(-1)?.k ?? 2)), [cutoffs]);
  const y = useMemo(() => linearScale(0, most), [most]);
  const last = cutoffs.at(-1);
  return (
    <LineChart
      title="Recall and NDCG by cut-off"
      description={
        last === undefined
          ? ""
          : `Of what users took next, lists of ${last.k} hold ${formatShare(last.recall)}.`
      }
      x={{ label: "items in the list (log)", scale: x, format: formatSignificant }}
      y={{ label: "recall, NDCG", scale: y, format: formatSignificant }}
      lines={lines}
    />
  );
}

function PopularityChart({ popularity }: Pick<Retrieval, "popularity">) {
  const lines = useMemo(
    () =>
      (
        [
          ["recommended", "recommended", 1],
          ["held out", "heldOut", 0],
        ] as const
      ).map(
        ([name, key, style]): Line => ({
          name,
          style,
          dots: style > 0,
          x: popularity.map((_, place) => place + 1),
          y: popularity.map((tenth) => tenth[key]),
        }),
      ),
    [popularity],
  );
  const most = Math.max(...lines.flatMap(({ y }) => y.map(Number)), 1e-6);
  const x = useMemo(() => integerScale(1, Math.max(2, popularity.length)), [popularity]);
  const y = useMemo(() => linearScale(0, most), [most]);
  return (
    <LineChart
      title="Share of lists by popularity"
      description={`The most popular tenth of items fills ${formatShare(popularity[0]?.recommended ?? 0)} of all lists.`}
      x={{ label: "tenth of items, most popular first", scale: x, format: String }}
      y={{ label: "share of all places", scale: y, format: formatShare }}
      lines={lines}
    />
  );
}

function Calibration({ report: { calibration, scores } }: { readonly report: ReportInput }) {
  if (calibration.length === 0 && scores.length === 0) return null;
  return (
    <section aria-labelledby="calibration">
      <h2 id="calibration">Calibration and scores</h2>
      <div class="charts">
        {calibration.map((one) => (
          <CalibrationChart key={`${one.model} ${one.label}`} one={one} />
        ))}
        {scores.map((one) => (
          <ScoreChart key={`${one.model} ${one.label}`} one={one} />
        ))}
      </div>
    </section>
  );
}

function CalibrationChart({
  one: { label, split, bins },
}: {
  readonly one: ReportInput["calibration"][number];
}) {
  const known = bins.filter(({ meanPrediction, meanLabel }) => meanPrediction > 0 && meanLabel > 0);
  const drawn = known.length > 1 ? known : bins;
  const all = drawn.flatMap(({ meanPrediction, meanLabel }) => [meanPrediction, meanLabel]);
  const [low, high] = [Math.min(...all) * 0.8, Math.min(1, Math.max(...all) * 1.2)];
  const isLog = known.length > 1 && high / low > 20;
  const scale = useMemo(() => (isLog ? logScale(low, high) : linearScale(0, high)), [isLog, low, high]);
  const ends = isLog ? [low, high] : [0, Math.max(...scale.ticks)];
  const lines: Line[] = useMemo(
    () => [
      {
        name: "model",
        style: 1,
        dots: true,
        x: drawn.map(({ meanPrediction }) => meanPrediction),
        y: drawn.map(({ meanLabel }) => meanLabel),
      },
      { name: "perfect", style: 0, x: ends, y: ends },
    ],
    [bins],
  );
  const worst = bins.reduce((a, b) => (calibrationGap(b) > calibrationGap(a) ? b : a), bins[0]);
  return (
    <LineChart
      title={`Calibration of ${label}, ${split} split`}
      description={
        worst === undefined
          ? ""
          : `The largest gap is ${formatMetric(calibrationGap(worst))}: ${formatSignificant(worst.meanPrediction)} is predicted and ${formatSignificant(worst.meanLabel)} observed.`
      }
      x={{ label: "mean prediction", scale, format: formatSignificant }}
      y={{ label: "observed rate", scale, format: formatSignificant }}
      lines={lines}
    />
  );
}

function ScoreChart({ one: { label, split, bins } }: { readonly one: ReportInput["scores"][number] }) {
  const lines = useMemo(() => {
    const total = (of: "positives" | "negatives"): number => bins.reduce((sum, bin) => sum + bin[of], 0);
    return (["negatives", "positives"] as const).flatMap((of, k): Line[] => {
      const whole = total(of);
      if (whole === 0) return [];
      return [
        {
          name: of,
          style: k + 1,
          area: true,
          x: bins.map(({ from, to }) => (from + to) / 2),
          y: bins.map((bin) => bin[of] / whole),
        },
      ];
    });
  }, [bins]);
  const x = useMemo(() => logitScale(bins[0]?.from ?? 0.01, bins.at(-1)?.to ?? 0.99), [bins]);
  const y = useMemo(
    () => linearScale(0, Math.max(...lines.flatMap((line) => line.y.map(Number)), 1e-6)),
    [lines],
  );
  if (lines.length === 0) return null;
  return (
    <LineChart
      title={`Scores of ${label}, ${split} split`}
      description="The further the two hills stand apart, the better the model tells positives from negatives."
      x={{ label: "predicted probability (log-odds scale)", scale: x, format: formatSignificant }}
      y={{ label: "share of the class", scale: y, format: formatShare }}
      lines={lines}
    />
  );
}

type FeatureSort = "importance" | "name" | "missing" | "unknown" | "vocabulary" | "directions";

function Features({ report: { features, importanceMeaning } }: { readonly report: ReportInput }) {
  const [by, setBy] = useState<FeatureSort>(
    features.some(({ importance }) => importance !== undefined) ? "importance" : "name",
  );
  if (features.length === 0) return null;
  const most = Math.max(...features.map(({ importance }) => importance ?? 0), 1e-9);
  const splits = [...new Set(features.flatMap(({ rates }) => Object.keys(rates)))];
  const last = splits.at(-1);
  const value = (feature: ReportFeature): number => {
    const rates = last === undefined ? undefined : feature.rates[last];
    if (by === "importance") return feature.importance ?? -1;
    if (by === "missing") return rates?.missing ?? -1;
    if (by === "unknown") return rates?.outOfVocabulary ?? -1;
    if (by === "vocabulary") return feature.vocabularySize ?? -1;
    return feature.table?.informationAbundance === undefined
      ? -1
      : 1 - feature.table.informationAbundance / feature.table.dim;
  };
  const shown = by === "name" ? features : features.toSorted((a, b) => value(b) - value(a));
  return (
    <section aria-labelledby="features">
      <h2 id="features">Features</h2>
      <div class="tools">
        <label>
          First those with
          <select value={by} onChange={(event) => setBy(event.currentTarget.value as FeatureSort)}>
            <option value="importance">most importance</option>
            <option value="missing">most missing values</option>
            <option value="unknown">most unknown values</option>
            <option value="vocabulary">the largest vocabulary</option>
            <option value="directions">the most collapsed table</option>
            <option value="name">the model's order</option>
          </select>
        </label>
      </div>
      <LongTable
        what="features"
        caption="Table of features"
        columns={[
          { title: "feature" },
          { title: "importance", numeric: true },
          { title: "kind" },
          { title: "values", numeric: true },
          { title: `missing${last === undefined ? "" : `, ${last}`}`, numeric: true },
          { title: `unknown${last === undefined ? "" : `, ${last}`}`, numeric: true },
          { title: "table", numeric: true },
          { title: "directions used", numeric: true },
        ]}
        rows={shown.map(({ name, kind, importance, vocabularySize, rates, table }) => {
          const own = last === undefined ? undefined : rates[last];
          return [
            name,
            importance === undefined ? (
              "–"
            ) : (
              <span class="barred">
                {formatMetric(importance)}
                <i aria-hidden="true">
                  <b style={{ width: `${(Math.max(0, importance) / most) * 100}%` }} />
                </i>
              </span>
            ),
            kind,
            vocabularySize === undefined ? "–" : formatCount(vocabularySize),
            own === undefined ? "–" : formatShare(own.missing),
            own?.outOfVocabulary === undefined ? "–" : formatShare(own.outOfVocabulary),
            table === undefined
              ? "–"
              : `${formatCount(table.rows)} × ${table.dim}, ${formatBytes(table.bytes)}`,
            table?.informationAbundance === undefined
              ? "–"
              : `${table.informationAbundance.toFixed(1)} of ${table.dim}`,
          ];
        })}
      />
      {importanceMeaning === undefined ? undefined : <p class="note">Importance: {importanceMeaning}.</p>}
    </section>
  );
}

const MOST_SPECTRA = 12;
/** Below this share of the largest, a singular value is rounding noise. */
const FLOOR = 1e-4;

function Spectra({ report: { spectra } }: { readonly report: ReportInput }) {
  const tables = useMemo(
    () =>
      spectra
        .map(({ table, singularValues }) => {
          const largest = Math.max(...singularValues);
          return {
            table,
            shares: singularValues.map((value) => value / largest).filter((share) => share >= FLOOR),
          };
        })
        .filter(({ shares }) => shares.length > 0)
        .sort((a, b) => a.shares.reduce(sum, 0) / a.shares.length - b.shares.reduce(sum, 0) / b.shares.length)
        .slice(0, MOST_SPECTRA),
    [spectra],
  );
  const lines = useMemo(
    () =>
      tables.map(
        ({ table, shares }, k): Line => ({
          name: table,
          style: k < 6 ? k + 1 : 0,
          x: shares.map((_, rank) => rank + 1),
          y: shares,
        }),
      ),
    [tables],
  );
  if (lines.length === 0) return null;
  const widest = Math.max(...tables.map(({ shares }) => shares.length));
  const lowest = Math.min(0.5, ...tables.flatMap(({ shares }) => shares));
  return (
    <section aria-labelledby="spectra">
      <h2 id="spectra">Embedding spectra</h2>
      <LineChart
        title="Singular values relative to the largest"
        description={`${tables[0].table} is the most collapsed table. A flat line uses all its directions alike; one that falls steeply has collapsed onto a few.`}
        x={{ label: "singular value, by rank", scale: integerScale(1, widest), format: String }}
        y={{ label: "share of the largest (log)", scale: logScale(lowest, 1), format: formatSignificant }}
        lines={lines}
        height={300}
      />
      {spectra.length > lines.length ? (
        <p class="note">
          Drawn are the {lines.length} most collapsed of {formatCount(spectra.length)} tables.
        </p>
      ) : undefined}
    </section>
  );
}

const sum = (total: number, value: number): number => total + value;
