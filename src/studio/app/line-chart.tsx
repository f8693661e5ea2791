/**
 * Lines over an axis, drawn by uPlot: drag to look closer, double-click or the button to see all again, hover or
 * arrow keys to read values. Colours and dashes are the report's. Each chart says in words what it shows, and has
 * its figures as a table.
 */
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { formatSignificant, type Scale } from "../../report/drawing/index.ts";
import { Scroll } from "./parts.tsx";

export interface Line {
  readonly name: string;
  /** 1 … 6 picks a colour and a dash; 0 is muted. */
  readonly style: number;
  /** Ascending. */
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
  /** Points are few and each counts. @default false */
  readonly dots?: boolean;
  /** The area below is tinted. @default false */
  readonly area?: boolean;
}

export interface Axis {
  readonly label: string;
  /** Where values stand, and its ticks. @default even, with ticks as they fit */
  readonly scale?: Scale;
  readonly format?: (value: number) => string;
}

export interface LineChartProps {
  readonly title: string;
  /** What the picture says, in a sentence or two. */
  readonly description: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
  readonly height?: number;
}

const DASHES: readonly (readonly number[])[] = [[2, 4], [], [7, 4], [3, 3], [9, 3, 2, 3], [12, 4], [2, 3]];
/** Rows of the table below a chart. */
const TABLE_ROWS = 24;

export function LineChart({ title, description, x, y, lines, height = 250 }: LineChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [reading, setReading] = useState("");
  const [isZoomed, setZoomed] = useState(false);
  const dark = useDark();
  const joined = useMemo(() => join(lines), [lines]);
  const formatX = x.format ?? formatSignificant;
  const formatY = y.format ?? formatSignificant;
  const shape = JSON.stringify([
    lines.map(({ name, style, dots, area }) => [name, style, dots, area]),
    dark,
    x.label,
    y.label,
    height,
  ]);

  const latest = useRef({ joined, lines, formatX, formatY });
  latest.current = { joined, lines, formatX, formatY };

  // A new shape needs a new plot; new points of the same lines do not.
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const colours = coloursOf(element);
    const axis = (of: Axis, format: (value: number) => string): uPlot.Axis => ({
      label: of.label,
      labelSize: 22,
      labelFont: "12px system-ui, sans-serif",
      font: "12px system-ui, sans-serif",
      stroke: colours.muted,
      grid: { stroke: colours.rule, width: 1 },
      ticks: { stroke: colours.rule, width: 1, size: 4 },
      ...(of.scale === undefined
        ? { values: (_, splits) => splits.map((value) => format(value)) }
        : {
            splits: () => of.scale?.ticks.map(of.scale.at) ?? [],
            values: () => of.scale?.ticks.map((value) => format(value)) ?? [],
          }),
    });
    const settings: uPlot.Options = {
      width: element.clientWidth,
      height,
      legend: { show: false },
      cursor: { drag: { x: true, y: false }, points: { size: 7 } },
      scales: {
        x: {
          time: false,
          ...(x.scale === undefined
            ? {}
            : { range: (_, low, high) => (low === high ? [0, 1] : [low, high]) }),
        },
        y: y.scale === undefined ? {} : { range: [0, 1] },
      },
      axes: [
        { ...axis(x, formatX), size: 34 },
        { ...axis(y, formatY), size: 58 },
      ],
      series: [
        {},
        ...lines.map(({ name, style, dots = false, area = false }, k): uPlot.Series => {
          const stroke = colours.line(style);
          return {
            label: name,
            stroke,
            width: style === 0 ? 1.2 : 2,
            dash: [...DASHES[style % DASHES.length]],
            spanGaps: true,
            // A line of one point would be invisible.
            points: {
              show: () => dots || latest.current.lines[k]?.y.length === 1,
              size: 6,
              fill: stroke,
            },
            ...(area ? { fill: `${stroke}2e` } : {}),
          };
        }),
      ],
      hooks: {
        setCursor: [(u) => setReading(readingAt(u.cursor.idx, latest.current))],
        setScale: [
          (u, key) => {
            if (key !== "x") return;
            const xs = u.data[0];
            const { min, max } = u.scales.x;
            setZoomed(xs.length > 1 && (Number(min) > xs[0] || Number(max) < xs[xs.length - 1]));
          },
        ],
      },
    };
    const made = new uPlot(settings, placed(latest.current.joined, x, y), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape]);

  useEffect(() => {
    plot.current?.setData(placed(joined, x, y), !isZoomed);
    if (isZoomed) plot.current?.redraw();
  }, [joined]);

  useEffect(() => {
    for (const [k, { name }] of lines.entries()) {
      plot.current?.setSeries(k + 1, { show: !hidden.has(name) });
    }
  }, [hidden, shape]);

  const walk = (event: KeyboardEvent): void => {
    const u = plot.current;
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (u === undefined || step === 0) return;
    event.preventDefault();
    const all = u.data[0];
    const big = event.shiftKey ? Math.max(1, Math.round(all.length / 20)) : 1;
    const next = Math.min(
      all.length - 1,
      Math.max(0, (u.cursor.idx ?? (step > 0 ? -1 : all.length)) + step * big),
    );
    u.setCursor({ left: u.valToPos(all[next], "x"), top: 10 });
    // Between pixels, uPlot would round to a neighbour.
    setReading(readingAt(next, latest.current));
  };
  const seeAll = (): void => {
    const xs = plot.current?.data[0];
    if (xs !== undefined && xs.length > 0)
      plot.current?.setScale("x", { min: xs[0], max: xs[xs.length - 1] });
  };
  const toggle = (name: string): void =>
    setHidden((before) => {
      const after = new Set(before);
      if (!after.delete(name)) after.add(name);
      return after;
    });
  const titleId = useId();

  return (
    <figure class="chart" aria-labelledby={titleId}>
      <figcaption id={titleId}>{title}</figcaption>
      <div class="legend">
        {(lines.length > 1 ? lines : []).map(({ name, style }) => (
          <button key={name} type="button" aria-pressed={!hidden.has(name)} onClick={() => toggle(name)}>
            <svg class="key" viewBox="0 0 24 10" aria-hidden="true">
              <path class={`line s${style}`} d="M1 5H23" />
            </svg>
            {name}
          </button>
        ))}
        {isZoomed ? (
          <button type="button" class="plain" onClick={seeAll}>
            See all
          </button>
        ) : undefined}
      </div>
      <div
        class="plot"
        role="img"
        aria-label={`${title}. ${description} Arrow keys read values.`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys walk along the lines
        tabIndex={0}
        onKeyDown={walk}
        ref={place}
      />
      <p class="reading" aria-live="polite">
        {reading || description}
      </p>
      <Figures title={title} x={x} y={y} lines={lines} />
    </figure>
  );
}

/** The chart's figures, made when they are asked for. */
function Figures({ title, x, y, lines }: Pick<LineChartProps, "title" | "x" | "y" | "lines">) {
  const [isOpen, setOpen] = useState(false);
  const formatX = x.format ?? formatSignificant;
  const formatY = y.format ?? formatSignificant;
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Figures of “{title}”</summary>
      {isOpen ? (
        <Scroll label={`Figures of ${title}`}>
          <table>
            <thead>
              <tr>
                <th scope="col">line</th>
                <th scope="col" class="number">
                  {x.label}
                </th>
                <th scope="col" class="number">
                  {y.label}
                </th>
              </tr>
            </thead>
            <tbody>
              {lines.flatMap((line) =>
                someOf(line).map(([at, value]) => (
                  <tr key={`${line.name} ${at}`}>
                    <th scope="row">{line.name}</th>
                    <td class="number">{formatX(at)}</td>
                    <td class="number">{value === null ? "–" : formatY(value)}</td>
                  </tr>
                )),
              )}
            </tbody>
          </table>
        </Scroll>
      ) : undefined}
    </details>
  );
}

function someOf({ x, y }: Line): [number, number | null][] {
  const stride = Math.max(1, Math.ceil(x.length / TABLE_ROWS));
  return x.flatMap((at, k): [number, number | null][] =>
    k % stride === 0 || k === x.length - 1 ? [[at, y[k]]] : [],
  );
}

type Joined = readonly [x: number[], ...y: (number | null)[][]];

/** Lines over one axis: uPlot wants the same x for all. */
function join(lines: readonly Line[]): Joined {
  if (lines.length === 0) return [[]];
  const [first] = lines;
  const same = lines.every(
    ({ x }) => x.length === first.x.length && x.every((value, k) => value === first.x[k]),
  );
  if (same) return [[...first.x], ...lines.map(({ y }) => [...y])];
  const all = [...new Set(lines.flatMap(({ x }) => x))].sort((a, b) => a - b);
  return [
    all,
    ...lines.map(({ x, y }) => {
      const byX = new Map(x.map((value, k) => [value, y[k]]));
      return all.map((value) => byX.get(value) ?? null);
    }),
  ];
}

/** Where values stand on scales of their own. */
function placed([xs, ...ys]: Joined, x: Axis, y: Axis): uPlot.AlignedData {
  const at = (scale: Scale | undefined, value: number | null): number | null =>
    value === null || scale === undefined ? value : scale.at(value);
  return [
    xs.map((value) => at(x.scale, value) as number),
    ...ys.map((own) => own.map((value) => at(y.scale, value))),
  ];
}

function readingAt(
  index: number | null | undefined,
  {
    joined: [xs, ...ys],
    lines,
    formatX,
    formatY,
  }: {
    readonly joined: Joined;
    readonly lines: readonly Line[];
    readonly formatX: (value: number) => string;
    readonly formatY: (value: number) => string;
  },
): string {
  if (index === null || index === undefined || xs[index] === undefined) return "";
  const values = lines.flatMap(({ name }, k) => {
    const value = ys[k]?.[index];
    return value === null || value === undefined ? [] : [`${name} ${formatY(value)}`];
  });
  return values.length === 0 ? "" : `at ${formatX(xs[index])}: ${values.join(", ")}`;
}

function coloursOf(element: Element): { muted: string; rule: string; line: (style: number) => string } {
  const computed = getComputedStyle(element);
  const value = (name: string): string => computed.getPropertyValue(name).trim();
  return { muted: value("--muted"), rule: value("--rule"), line: (style) => value(`--s${style % 7}`) };
}

function useDark(): boolean {
  const query = useMemo(() => matchMedia("(prefers-color-scheme: dark)"), []);
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const follow = (): void => setDark(query.matches);
    query.addEventListener("change", follow);
    return () => query.removeEventListener("change", follow);
  }, [query]);
  return dark;
}
