/** From an inspection to a first config: as an object, and as YAML that says why each choice was made. */
import { Document, isMap, isSeq, type Node, type YAMLMap } from "yaml";
import { ConfigError, toSnakeCase } from "../core/index.ts";
import type { DataConfigInput } from "./config.ts";
import { type InspectReport, isOneHot } from "./inspect.ts";
import { type Guess, guessColumns } from "./inspect-guess.ts";
import { chooseLabel, type LabelChoice } from "./inspect-label.ts";
import { filesConfigOf, joinConfigOf, readConfigOf } from "./source-config.ts";

export interface InspectConfigOptions {
  /** A column or comparison, when it is not the one that the inspection was made with. */
  readonly label?: string;
}

interface Choices {
  readonly label: LabelChoice;
  readonly guess: Guess;
}

/**
 * A first config, complete and valid as it stands.
 *
 * @throws ConfigError when no label is given and none can be told, or no column is left as a feature
 */
export function configFromInspection(
  report: InspectReport,
  options: InspectConfigOptions = {},
): DataConfigInput {
  return buildConfig(report, choose(report, options));
}

/**
 * The config as YAML with the reasons as comments.
 *
 * @param extra further top-level keys (snake_case), such as model and training, put behind the data half
 */
export function inspectionYaml(
  report: InspectReport,
  options: InspectConfigOptions & { readonly extra?: Readonly<Record<string, unknown>> } = {},
): string {
  const choices = choose(report, options);
  const config = buildConfig(report, choices);
  const document = new Document({ ...snakeKeys(config), ...options.extra });
  comment(document, report, choices);
  return document.toString({ lineWidth: 110, flowCollectionPadding: false });
}

function choose(report: InspectReport, { label: wanted }: InspectConfigOptions): Choices {
  const label =
    wanted === undefined ? report.label : chooseLabel(report.columns, wanted, { named: report.named });
  if (label === undefined) {
    const candidates = report.labelCandidates;
    throw new ConfigError("which column is the label?", {
      details: { file: report.files[0], expected: report.columns.map(({ name }) => name) },
      hint:
        candidates.length === 0
          ? 'name it: --label COLUMN, or a comparison such as --label "price > 10"'
          : `name it with --label; columns with two values: ${candidates.join(", ")}`,
    });
  }
  if (label === report.label) return { label, guess: report.guess };
  const guess = guessColumns(report.columns, {
    label,
    // What single columns say of another label was not looked at.
    leaks: new Map(),
    targets: new Map(Object.entries(report.targets)),
    allIds: isOneHot({
      format: report.format,
      columns: report.columns.map(({ name, type, valueType }) => ({ name, type, valueType })),
    }),
  });
  return { label, guess };
}

function buildConfig(report: InspectReport, { label, guess }: Choices): DataConfigInput {
  const { spec } = report;
  const features = guess.columns.flatMap(({ feature }) => feature ?? []);
  if (features.length === 0) {
    throw new ConfigError(`${report.files[0]}: no column is left as a feature`, {
      details: {
        file: report.files[0],
        received: guess.columns.map(({ column, reason }) => `${column}: ${reason}`),
      },
      hint: "see the reasons in the inspection; write the config by hand to use such columns all the same",
    });
  }
  const names = featureNames(features.map(({ name }) => name));
  const linked = features.map(({ target, name: column, ...feature }) => {
    const name = names.get(column) ?? column;
    const shared = target === undefined ? undefined : names.get(target);
    return {
      name,
      ...(name === column ? {} : { column }),
      ...feature,
      // A list of a column that is left out has nothing to share a table with.
      ...given("target", shared),
    };
  });
  const keep = guess.columns.filter(({ use }) => use === "keep").map(({ column }) => column);
  return {
    data: {
      train: filesConfigOf(spec),
      ...readConfigOf(spec),
      ...given("joins", spec.joins?.map(joinConfigOf)),
      split: splitOf(guess),
      ...(keep.length > 0 ? { keep } : {}),
    },
    ...given("derived", report.derived && [...report.derived]),
    features: linked,
    labels: [
      {
        name: label.name,
        ...(label.name === label.column ? {} : { column: label.column }),
        ...given("threshold", label.threshold),
        ...given("positive", label.positive && [...label.positive]),
        ...(label.kind === "real" ? { kind: "real" as const } : {}),
      },
    ],
    ...given("weight", guess.weight),
    ...given("group", guess.group),
    ...given("domain", guess.domain),
    ...given("timestamp", guess.timestamp?.column),
    ...given("timestampUnit", guess.timestamp?.unit),
  };
}

/**
 * Features are called as their columns are, unless batches keep that name for roles (`@weight`) or for
 * lengths, ages and missing flags of another feature (`price.missing`).
 */
function featureNames(columns: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set(columns);
  const free = (name: string): string => (taken.has(name) ? free(`${name}_`) : name);
  const names = new Map<string, string>();
  for (const column of columns) {
    const [, owner, suffix] = /^(.+)\.(length|age|missing)$/.exec(column) ?? [];
    let name = column;
    if (column.startsWith("@")) name = free(column.replace(/^@+/, "") || "at");
    else if (owner !== undefined && taken.has(owner)) name = free(`${owner}_${suffix}`);
    taken.add(name);
    names.set(column, name);
  }
  return names;
}

function given<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [key in K]?: V };
}

function splitOf({ split, timestamp }: Guess): NonNullable<DataConfigInput["data"]["split"]> {
  if (split !== undefined && split.valid.length > 0) {
    const { column, train, valid, test } = split;
    return { by: "column", column, train, valid, ...(test.length > 0 ? { test } : {}) };
  }
  if (timestamp !== undefined) return { by: "time", train: 0.8, valid: 0.1, test: 0.1 };
  return { by: "ratio", train: 0.8, valid: 0.1, test: 0.1, seed: 0 };
}

/** Keys whose own keys are the user's names and values. */
const NAMED_BY_USER = new Set(["types", "on", "values"]);

/** Config keys as files write them; names of columns and values are left alone. */
function snakeKeys(value: unknown, path: readonly string[] = []): Record<string, unknown> {
  const convert = (inner: unknown, at: readonly string[]): unknown => {
    if (Array.isArray(inner)) return inner.map((entry) => convert(entry, at));
    return inner !== null && typeof inner === "object" ? snakeKeys(inner, at) : inner;
  };
  return Object.fromEntries(
    Object.entries(value as object).map(([key, inner]) => [
      NAMED_BY_USER.has(path.at(-1) ?? "") ? key : toSnakeCase(key),
      convert(inner, [...path, key]),
    ]),
  );
}

function comment(document: Document, report: InspectReport, { label, guess }: Choices): void {
  const rows =
    report.profiledRows === report.rows
      ? `${report.rows} rows`
      : `${report.rows} rows, of which ${report.profiledRows} were looked at`;
  document.commentBefore = lines([
    `First config for ${report.files.join(", ")}: ${rows}, ${report.columns.length} columns (${report.format}).`,
    "Every line may be changed; the comments say why it was chosen.",
    ...report.notes.map(({ text }) => `Note: ${text}`),
  ]);
  const reasons = new Map(guess.columns.map(({ column, reason }) => [column, reason]));
  const features = document.get("features", true);
  if (isSeq(features)) {
    for (const item of features.items) {
      if (!isMap(item)) continue;
      (item as Node).commentBefore = lines([
        reasons.get(String(item.get("column") ?? item.get("name"))) ?? "",
      ]);
    }
    const leftOut = guess.columns.filter(({ use }) => use === "left-out");
    if (leftOut.length > 0) {
      features.comment = lines([
        "Left out:",
        ...leftOut.map(({ column, reason }) => `  ${column}: ${reason}`),
      ]);
    }
  }
  const labels = document.get("labels", true);
  if (isSeq(labels) && isMap(labels.items[0])) labels.items[0].commentBefore = lines([label.reason]);
  const data = document.get("data", true);
  if (isMap(data)) {
    commentKey(data, "split", splitReason(guess));
    if (data.has("null_text")) commentKey(data, "null_text", "found in columns that hold numbers otherwise");
    if (data.has("keep")) commentKey(data, "keep", "carried along for comparison, never seen by a model");
  }
  const root = document.contents;
  if (!isMap(root)) return;
  commentKey(root as YAMLMap, "group", "the user: gAUC compares rows of the same user");
  commentKey(root as YAMLMap, "domain", "metrics are also given for each of its values");
  commentKey(root as YAMLMap, "weight", "how much a row counts in loss and metrics");
}

function splitReason({ split, timestamp }: Guess): string {
  if (split !== undefined && split.valid.length > 0) return `as the column ${split.column} says`;
  if (timestamp !== undefined) {
    return `by ${timestamp.column}: train on the past, test on what came after, as in use`;
  }
  return "no time column was found, so rows are drawn at random";
}

function commentKey(map: YAMLMap, key: string, text: string): void {
  const pair = map.items.find((item) => String(item.key) === key);
  if (pair === undefined) return;
  // A comment before a key hangs on the key's node; plain keys have none until they are made one.
  const node = new Document(key).contents as Node;
  node.commentBefore = lines([text]);
  pair.key = node;
}

/** YAML comments start behind their `#`. */
function lines(texts: readonly string[]): string {
  return texts.map((text) => ` ${text.replace(/[\r\n]+/g, " ")}`).join("\n");
}
