/**
 * A whole configuration: data, features and labels, the model, and how it is trained. Files are YAML or
 * JSON with snake_case keys; in TypeScript the same object has camelCase keys.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { ConfigError, nearestName, toCamelCase, toSnakeCase } from "../core/index.ts";
import { configError, type DataConfig, dataConfigShape } from "../data/index.ts";
import { parseBinaryMetric } from "../evaluation/index.ts";
import { crossDistilOptions, type ModelDescription, models, uncertaintyOptions } from "../models/index.ts";
import { defaultMonitor, trainingOptions } from "../training/index.ts";
import { applySetting } from "./setting.ts";
import { tableSettings } from "./table-settings.ts";

export const modelSchema = z
  .looseObject({ name: z.string().describe("which model; `millrace train --help` lists them") })
  .describe("the model and its options");

export const configShape = {
  ...dataConfigShape,
  model: modelSchema.default({ name: "DCNv2" }),
  crossDistil: crossDistilOptions.optional(),
  uncertainty: uncertaintyOptions.optional(),
  tables: tableSettings.default({}),
  training: trainingOptions.prefault({}).describe("optimizer, schedule and loop"),
};

export const configSchema = z.strictObject(configShape);

/** As people write it: defaults may be absent. */
export type ConfigInput = z.input<typeof configSchema>;
export type Config = z.output<typeof configSchema>;

/** The data half of a configuration, as the data layer takes it. */
export function dataConfigOf({
  model,
  crossDistil,
  uncertainty,
  training,
  tables,
  ...data
}: Config): DataConfig {
  return data;
}

/** A model of the catalogue by name, letter case aside. @throws ConfigError with the nearest name */
export function modelNamed(name: string): ModelDescription {
  const found = models.find((model) => model.name.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  const names = models.map((model) => model.name);
  const near = nearestName(name, names);
  throw new ConfigError(`config model.name: there is no model "${name}"`, {
    details: { name, known: names },
    hint: near === undefined ? `known models: ${names.join(", ")}` : `did you mean ${near}?`,
  });
}

/** Whether a configuration's content is one of a retrieval run, which has other keys. */
export function isRetrievalConfig(content: unknown): boolean {
  return typeof content === "object" && content !== null && "task" in content && content.task === "retrieval";
}

export const retrievalHint =
  "`millrace train`, `index` and `report` take retrieval runs, and the sources of a cascade do";

/** Checks a configuration (camelCase keys), the model's options included, and fills in defaults. */
export function parseConfig(input: unknown): Config {
  if (isRetrievalConfig(input)) {
    throw new ConfigError("config: task is retrieval, and a ranking configuration is expected", {
      details: { key: "task" },
      hint: retrievalHint,
    });
  }
  const result = configSchema.safeParse(input);
  if (!result.success) throw configError(configSchema, result.error, input);
  const { name, ...options } = result.data.model;
  const { options: optionsSchema, name: canonical } = modelNamed(name);
  const model = z.strictObject({ name: z.string(), ...optionsSchema.shape });
  const whole = z.strictObject({ ...configShape, model });
  const checked = model.safeParse({ name: canonical, ...options });
  if (!checked.success) {
    const issues = checked.error.issues.map((issue) => ({ ...issue, path: ["model", ...issue.path] }));
    throw configError(whole, new z.ZodError(issues), input);
  }
  const { labels } = result.data;
  const { metrics = [] } = result.data.training;
  // What the schema fills in does not know the labels.
  const given = (input as ConfigInput).training?.monitor;
  const monitor = given ?? defaultMonitor({ labels }, result.data.training);
  for (const metric of [monitor, ...metrics]) parseBinaryMetric(metric);
  if (result.data.crossDistil !== undefined && result.data.uncertainty !== undefined) {
    throw new ConfigError("config: a model either distils its tasks or has uncertainty, not both", {
      details: { keys: ["cross_distil", "uncertainty"] },
      hint: "leave out cross_distil or uncertainty",
    });
  }
  return { ...result.data, model: checked.data, training: { ...result.data.training, monitor } };
}

/**
 * Reads a configuration file and applies `key=value` settings (snake_case paths such as
 * `training.learning_rate=0.01` or `features.0.min_count=5`; values are YAML). Paths of data files are
 * taken from the configuration's own folder.
 *
 * @param change made to the file's content before the settings
 */
export function readConfig(path: string, settings: readonly string[] = [], change?: ChangeConfig): Config {
  const folder = dirname(resolve(path));
  const content = withDataPaths(readConfigFile(path, settings, change), folder);
  return parseConfig(withStartPath(withVectorPaths(content, folder), folder));
}

/** The content of a configuration file as it was written, to be changed in place. */
export type ChangeConfig = (content: { [key: string]: unknown }) => void;

/** The file's content with settings applied and keys in camelCase; not yet checked. */
export function readConfigFile(
  path: string,
  settings: readonly string[] = [],
  change: ChangeConfig = () => {},
): unknown {
  if (!existsSync(path)) {
    throw new ConfigError(`there is no configuration file ${path}`, { details: { path } });
  }
  let raw: unknown;
  try {
    raw = parseYaml(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new ConfigError(`${path} is neither YAML nor JSON: ${(cause as Error).message}`, {
      details: { path },
      cause,
    });
  }
  if (raw === null || typeof raw !== "object" || Array.isArray(raw)) {
    throw new ConfigError(`${path} must hold keys and values`, {
      details: { path, received: Array.isArray(raw) ? "a list" : typeof raw },
      hint: "`millrace inspect DATA -o config.yaml` writes a first configuration",
    });
  }
  // Editors find the published JSON Schema by this key.
  delete (raw as Tree).$schema;
  change(raw as Tree);
  for (const setting of settings) applySetting(raw as Tree, setting);
  return keysToCamelCase(raw);
}

interface Tree {
  [key: string]: unknown;
}

/** Keys that are the user's own names (columns), not ours to rename. */
const namedByUser = new Set([
  "types",
  "tables",
  "on",
  "values",
  "loss_weights",
  "lossWeights",
  "priorities",
  "branches",
]);

export function keysToCamelCase(value: unknown): unknown {
  return renameKeys(value, toCamelCase);
}

export function keysToSnakeCase(value: unknown): unknown {
  return renameKeys(value, toSnakeCase);
}

/** A configuration as run directories hold it: every default filled in, keys as in a configuration file. */
export function storedConfig(config: object): unknown {
  return JSON.parse(JSON.stringify(keysToSnakeCase(config)));
}

/**
 * Whether what was read from a run directory is this configuration: a run from before an option existed was one
 * with its default, so the default of a new option must be what was done before.
 *
 * @param parse checks what was read, and fills in defaults
 */
export function isSameConfig(stored: unknown, config: object, parse: (content: unknown) => object): boolean {
  const asStored = (value: object) => JSON.stringify(storedConfig(value));
  const expected = asStored(config);
  if (JSON.stringify(stored) === expected) return true;
  try {
    return asStored(parse(keysToCamelCase(stored))) === expected;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

function renameKeys(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((entry) => renameKeys(entry, rename));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [
      rename(key),
      namedByUser.has(key) ? entry : renameKeys(entry, rename),
    ]),
  );
}

/** A configuration's content with its data files taken from `folder`, where they are relative. */
export function withDataPaths(config: unknown, folder: string): unknown {
  const tree = config as { data?: Tree; derived?: unknown };
  const place = (file: unknown): unknown =>
    typeof file === "string" && !isAbsolute(file) && !/^[a-z][a-z0-9+.-]+:\/\//i.test(file)
      ? join(folder, file)
      : file;
  /** The object with the files under these keys placed; what is no object is for the schema to refuse. */
  const placed = (value: unknown, keys: readonly string[]): unknown => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    const copy: Tree = { ...value };
    for (const key of keys) {
      const files = copy[key];
      if (files !== undefined) copy[key] = Array.isArray(files) ? files.map(place) : place(files);
    }
    return copy;
  };
  const data = placed(tree.data, ["train", "valid", "test"]) as Tree | undefined;
  if (Array.isArray(data?.joins)) data.joins = data.joins.map((side) => placed(side, ["source"]));
  const { derived } = tree;
  return {
    ...tree,
    ...("data" in tree && { data }),
    ...(Array.isArray(derived) && { derived: derived.map((each) => placed(each, ["file"])) }),
  };
}

/** So is the run that a stream starts from. */
function withStartPath(config: unknown, folder: string): unknown {
  const tree = config as { training?: { streaming?: { start?: unknown } } };
  const { streaming } = tree.training ?? {};
  if (typeof streaming?.start !== "string") return config;
  const placed = { ...streaming, start: resolve(folder, streaming.start) };
  return { ...tree, training: { ...tree.training, streaming: placed } };
}

/** Files of pre-trained vectors are taken from the configuration's folder too. */
function withVectorPaths(config: unknown, folder: string): unknown {
  const tree = config as { tables?: { [vocabulary: string]: { pretrained?: unknown } } };
  if (typeof tree.tables !== "object" || tree.tables === null) return config;
  const tables = Object.fromEntries(
    Object.entries(tree.tables).map(([name, settings]) => {
      const file = settings?.pretrained;
      return [name, typeof file === "string" ? { ...settings, pretrained: resolve(folder, file) } : settings];
    }),
  );
  return { ...tree, tables };
}
