/** Training curves of one run or several: loss by step, smoothed as one likes, and validation by epoch. */
import { useMemo, useState } from "preact/hooks";
import { formatCount, formatMetric, formatSignificant } from "../../report/drawing/index.ts";
import type { EpochLine, RunCurves } from "../api.ts";
import { type Line, LineChart } from "./line-chart.tsx";
import { Scroll } from "./parts.tsx";

export interface NamedCurves {
  readonly name: string;
  readonly curves: RunCurves;
}

export function Curves({ runs }: { readonly runs: readonly NamedCurves[] }) {
  const most = Math.max(...runs.map(({ curves }) => curves.step.length));
  const [smoothing, setSmoothing] = useState(0.6);
  const loss = useMemo(
    () =>
      runs.flatMap(({ name, curves }, k): Line[] => {
        if (curves.step.length === 0) return [];
        const width = Math.max(1, Math.round((curves.step.length * smoothing ** 3) / 4));
        return [{ name, style: k + 1, x: curves.step, y: runningMean(curves.loss, width) }];
      }),
    [runs, smoothing],
  );
  const { monitor } = runs[0].curves;
  const labels = [
    ...new Set(runs.flatMap(({ curves }) => curves.history.flatMap(({ valid }) => Object.keys(valid)))),
  ];
  const [label = labels[0], setLabel] = useState<string>();
  const metrics = [
    ...new Set(
      runs.flatMap(({ curves }) => curves.history.flatMap(({ valid }) => Object.keys(valid[label] ?? {}))),
    ),
  ];
  const [chosen, setMetric] = useState<string>();
  const metric = chosen ?? (monitor !== undefined && metrics.includes(monitor) ? monitor : metrics[0]);
  const validation = useMemo(
    () =>
      runs.flatMap(({ name, curves }, k): Line[] => {
        const points = curves.history.filter(({ valid }) => valid[label]?.[metric] !== undefined);
        if (points.length === 0) return [];
        return [
          {
            name,
            style: k + 1,
            dots: points.length < 60,
            x: points.map(({ epoch }) => epoch + 1),
            y: points.map(({ valid }) => valid[label]?.[metric] ?? null),
          },
        ];
      }),
    [runs, label, metric],
  );
  const rate = useMemo(() => lineOf(runs, "learningRate"), [runs]);
  const speed = useMemo(() => lineOf(runs, "samplesPerSecond"), [runs]);
  if (loss.length === 0 && validation.length === 0) return <p class="note">Nothing has been logged yet.</p>;
  return (
    <>
      <div class="tools">
        {most > 20 ? (
          <label>
            Smoothing
            <input
              type="range"
              min={0}
              max={1}
              step={0.05}
              value={smoothing}
              onInput={(event) => setSmoothing(Number(event.currentTarget.value))}
            />
          </label>
        ) : undefined}
        {labels.length > 1 ? (
          <label>
            Label
            <select value={label} onChange={(event) => setLabel(event.currentTarget.value)}>
              {labels.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        ) : undefined}
        {metrics.length > 1 ? (
          <label>
            Validation by
            <select value={metric} onChange={(event) => setMetric(event.currentTarget.value)}>
              {metrics.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        ) : undefined}
      </div>
      <div class="charts">
        {loss.length === 0 ? undefined : (
          <LineChart
            title="Training loss"
            description={lossSentence(loss)}
            x={{ label: "step", format: wholeCount }}
            y={{ label: "loss", format: formatSignificant4 }}
            lines={loss}
          />
        )}
        {validation.length === 0 ? undefined : (
          <LineChart
            title={`Validation ${metric}${labels.length > 1 ? ` of ${label}` : ""}`}
            description={validationSentence(runs, label, metric)}
            x={{ label: "epoch", format: (value) => (Number.isInteger(value) ? String(value) : "") }}
            y={{ label: metric, format: formatSignificant4 }}
            lines={validation}
          />
        )}
        {rate.length === 0 ? undefined : (
          <LineChart
            title="Learning rate"
            description={lastSentence(rate, formatSignificant)}
            x={{ label: "step", format: wholeCount }}
            y={{ label: "learning rate", format: formatSignificant }}
            lines={rate}
            height={180}
          />
        )}
        {speed.length === 0 ? undefined : (
          <LineChart
            title="Speed"
            description={lastSentence(speed, (value) => `${formatCount(value)} rows a second`)}
            x={{ label: "step", format: wholeCount }}
            y={{ label: "rows a second", format: compact }}
            lines={speed}
            height={180}
          />
        )}
      </div>
    </>
  );
}

export function EpochTable({ curves: { history, bestEpoch, monitor } }: { readonly curves: RunCurves }) {
  if (history.length === 0) return null;
  const labels = Object.keys(history.find(({ valid }) => Object.keys(valid).length > 0)?.valid ?? {});
  const wanted = (metric: string): boolean => metric === monitor || metric === "auc" || metric === "log_loss";
  const columns = labels.flatMap((label) =>
    Object.keys(history.find(({ valid }) => valid[label])?.valid[label] ?? {})
      .filter((metric) => wanted(metric) || label === "ranking")
      .map((metric) => ({ label, metric })),
  );
  return (
    <details>
      <summary>Epochs as a table</summary>
      <Scroll label="Epochs">
        <table>
          <thead>
            <tr>
              <th scope="col">epoch</th>
              <th scope="col" class="number">
                step
              </th>
              <th scope="col" class="number">
                training loss
              </th>
              {columns.map(({ label, metric }) => (
                <th key={`${label} ${metric}`} scope="col" class="number">
                  {labels.length > 1 ? `${label} ` : ""}
                  {metric}
                </th>
              ))}
              <th scope="col" class="number">
                learning rate
              </th>
              <th scope="col" class="number">
                seconds
              </th>
            </tr>
          </thead>
          <tbody>
            {history.map((line: EpochLine) => (
              <tr
                key={`${line.phase ?? ""}${line.epoch}`}
                class={line.epoch === bestEpoch ? "kept" : undefined}
              >
                <th scope="row">
                  {line.epoch + 1}
                  {line.phase === undefined ? "" : ` ${line.phase}`}
                  {line.epoch === bestEpoch ? " (kept)" : ""}
                </th>
                <td class="number">{formatCount(line.step)}</td>
                <td class="number">{formatMetric(line.trainLoss)}</td>
                {columns.map(({ label, metric }) => {
                  const value = line.valid[label]?.[metric];
                  return (
                    <td key={`${label} ${metric}`} class="number">
                      {value === undefined || value === null ? "–" : formatMetric(value)}
                    </td>
                  );
                })}
                <td class="number">{formatSignificant(line.learningRate)}</td>
                <td class="number">{formatSignificant(line.seconds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}

const formatSignificant4 = (value: number): string => formatSignificant(value, 4);

/** Steps are whole: between few of them the axis would repeat rounded ones. */
const wholeCount = (value: number): string => (Number.isInteger(value) ? formatCount(value) : "");

/** `81k`, `1.2M`. */
function compact(value: number): string {
  if (Math.abs(value) >= 1e6) return `${formatSignificant(value / 1e6)}M`;
  return Math.abs(value) >= 1e3 ? `${formatSignificant(value / 1e3)}k` : formatSignificant(value);
}

/** Each value with its neighbours, where there are some. */
function runningMean(values: readonly number[], width: number): number[] {
  if (width <= 1) return [...values];
  const sums = new Float64Array(values.length + 1);
  for (const [k, value] of values.entries()) sums[k + 1] = sums[k] + value;
  const half = width >> 1;
  return values.map((_, k) => {
    const [from, to] = [Math.max(0, k - half), Math.min(values.length, k + half + 1)];
    return (sums[to] - sums[from]) / (to - from);
  });
}

function lineOf(runs: readonly NamedCurves[], which: "learningRate" | "samplesPerSecond"): Line[] {
  return runs.flatMap(({ name, curves }, k): Line[] => {
    const known = curves[which].some((value) => value !== null && value > 0);
    return known ? [{ name, style: k + 1, x: curves.step, y: curves[which] }] : [];
  });
}

function lastSentence(lines: readonly Line[], format: (value: number) => string): string {
  const said = lines.flatMap(({ name, y }) => {
    const last = y.at(-1);
    if (last === null || last === undefined) return [];
    return [`${format(last)}${lines.length > 1 ? ` (${name})` : ""}`];
  });
  return said.length === 0 ? "" : `At the end ${said.join(", ")}.`;
}

function lossSentence(lines: readonly Line[]): string {
  const said = lines.map(({ name, y }) => {
    const [first, last] = [y[0], y.at(-1)];
    const from = first === null || first === undefined ? "–" : formatMetric(first);
    const to = last === null || last === undefined ? "–" : formatMetric(last);
    return `${lines.length > 1 ? `${name} goes` : "It goes"} from ${from} to ${to}`;
  });
  return `${said.join("; ")}.`;
}

function validationSentence(runs: readonly NamedCurves[], label: string, metric: string): string {
  return runs
    .flatMap(({ name, curves: { history, bestEpoch } }) => {
      const kept = history.find(({ epoch }) => epoch === bestEpoch);
      const value = kept?.valid[label]?.[metric];
      if (kept === undefined || value === undefined || value === null) return [];
      const who = runs.length > 1 ? `Of ${name} the weights` : "The weights";
      return [`${who} of epoch ${kept.epoch + 1} are kept, at ${formatMetric(value)}.`];
    })
    .join(" ");
}
