/**
 * The configuration of a cascade: models, feature tables, where candidates come from, filters, stages with
 * their time budgets, the value formula and the slots. Files are YAML or JSON with snake_case keys; in
 * TypeScript the same object has camelCase keys. A bare run directory stands for a cascade of one stage.
 */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, resolve } from "node:path";
import { z } from "zod";
import { ConfigError } from "../core/index.ts";
import { configError } from "../data/index.ts";
import { readConfigFile } from "../run/index.ts";

const nameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]*$/, "letters, digits, _ . - only, since it is part of addresses");

const modelSchema = z.strictObject({
  name: nameSchema.describe("what stages call it; served by itself as <cascade>.<name>"),
  run: z
    .string()
    .describe(
      "run directory, a symbolic link to one, or a file that holds the path of one (swapped by replacing it)",
    ),
  rows: z
    .string()
    .regex(/^(memory|file|rediss?:\/\/.+)$/, "memory, file, or the address of a Redis server (redis://...)")
    .default("memory")
    .describe("where rows of large tables live: `memory`, `file` (read where they stand), or a Redis server"),
  cacheMb: z
    .number()
    .positive()
    .default(64)
    .describe("MiB of rows that each thread keeps of a file or Redis"),
  rowTimeoutMs: z
    .number()
    .positive()
    .default(20)
    .describe("milliseconds that Redis may take before rows fall back"),
  storedMb: z
    .number()
    .nonnegative()
    .default(128)
    .describe(
      "MiB of tables that are copied into every thread's graph, smallest first; `rows` is for the others",
    ),
  itemProductsMb: z
    .number()
    .nonnegative()
    .default(1024)
    .describe(
      "MiB that parts of the model computed ahead for every item of the table may take; beyond it, or with 0, they are computed for each request",
    ),
  calibration: z
    .string()
    .optional()
    .describe("JSON file of calibrators by label (`fitIsotonic`, `fitPlatt`)"),
});

const tableSchema = z.strictObject({
  file: z
    .union([z.string(), z.array(z.string()).min(1)])
    .describe("CSV, JSON lines or Parquet; paths or globs"),
  key: z.string().describe("column with the id"),
  types: z
    .record(z.string(), z.enum(["string", "int64", "float64", "boolean"]))
    .optional()
    .describe("column types of text files, as in training's `data.types`"),
});

const stageSchema = z.strictObject({
  name: nameSchema.describe("of the stage, in metrics and explanations"),
  model: z.string().describe("which of `models` scores it"),
  score: z.string().optional().describe("formula that orders the stage; default: `value`"),
  keep: z.number().int().positive().optional().describe("candidates that go on; default: all"),
  budgetMs: z
    .number()
    .positive()
    .optional()
    .describe(
      "milliseconds after which the stage is given up and the order before it is kept; default: none",
    ),
});

const candidatesShape = {
  source: z
    .string()
    .default("request")
    .describe(
      "`request` (it names them), `all` items, `top` items by a column, `retrieval` (an index of a `run`), or a source of yours",
    ),
  limit: z.number().int().positive().default(1000).describe("candidates asked of the source"),
  budgetMs: z.number().positive().optional().describe("milliseconds that the source may take"),
};

/** Keys beside the known ones are the source's options, apart from known ones in another spelling (`budget_ms`). */
const candidatesSchema = z.looseObject(candidatesShape).check(({ value, issues }) => {
  const plain = (key: string): string => key.replace(/[_-]/g, "").toLowerCase();
  const known = Object.keys(candidatesShape);
  const misspelt = Object.keys(value).filter(
    (key) => !known.includes(key) && known.some((name) => plain(name) === plain(key)),
  );
  if (misspelt.length > 0) issues.push({ code: "unrecognized_keys", keys: misspelt, input: value });
});

export const cascadeShape = {
  name: nameSchema.optional().describe("of the service; default: the file's name"),
  models: z.array(modelSchema).min(1),
  users: tableSchema.optional().describe("user features by id"),
  items: tableSchema.optional().describe("item features by id"),
  context: z
    .array(z.string())
    .default([])
    .describe("further columns that requests bring and formulas may use"),
  candidates: candidatesSchema.prefault({}),
  filters: z
    .strictObject({
      allowed: z
        .string()
        .optional()
        .describe("item column: items where it is false, 0 or missing are left out"),
      seen: z.string().optional().describe("column of the user or context with ids to leave out, as a list"),
    })
    .prefault({}),
  stages: z.array(stageSchema).min(1),
  value: z
    .string()
    .optional()
    .describe("value of an item: a formula over predictions and columns; default: the model's first label"),
  budgetMs: z.number().positive().optional().describe("milliseconds for the whole request"),
  slots: z
    .strictObject({
      count: z
        .number()
        .int()
        .positive()
        .default(10)
        .describe("items of an answer, unless the request says `limit`"),
      caps: z
        .array(z.strictObject({ column: z.string(), limit: z.number().int().positive() }))
        .default([])
        .describe("at most so many items of one value of a column, such as an advertiser"),
    })
    .prefault({}),
};

export const cascadeSchema = z.strictObject(cascadeShape);

export type CascadeConfigInput = z.input<typeof cascadeSchema>;
export type CascadeConfig = z.output<typeof cascadeSchema>;
export type ModelConfig = CascadeConfig["models"][number];
export type TableConfig = z.output<typeof tableSchema>;
export type StageConfig = CascadeConfig["stages"][number];

/** A configuration, its name, and the folder that its paths are taken from. */
export interface NamedCascade {
  readonly name: string;
  readonly folder: string;
  readonly config: CascadeConfig;
}

/** Checks a configuration (camelCase keys) and fills in defaults. @throws ConfigError */
export function parseCascade(input: unknown): CascadeConfig {
  const result = cascadeSchema.safeParse(input);
  if (!result.success) throw configError(cascadeSchema, result.error, input);
  const { models, stages } = result.data;
  unique("models", models);
  unique("stages", stages);
  stages.forEach(({ model }, k) => {
    if (models.some(({ name }) => name === model)) return;
    throw new ConfigError(`config stages[${k}].model: there is no model "${model}"`, {
      details: { key: `stages[${k}].model`, received: model },
      hint: `models: ${models.map(({ name }) => name).join(", ")}`,
    });
  });
  return result.data;
}

function unique(key: string, entries: readonly { readonly name: string }[]): void {
  entries.forEach(({ name }, k) => {
    if (entries.findIndex((other) => other.name === name) === k) return;
    throw new ConfigError(`config ${key}[${k}].name: "${name}" comes twice`, { details: { key, name } });
  });
}

export interface TargetOptions {
  readonly users?: TableConfig;
  readonly items?: TableConfig;
  /** Of a bare run: see `models[].rows`. */
  readonly rows?: string;
}

/** What `millrace serve` is given: a run (directory, link or pointer file) or a cascade's file. */
export function readTarget(path: string, { users, items, rows }: TargetOptions = {}): NamedCascade {
  if (!existsSync(path)) {
    throw new ConfigError(`there is no run and no cascade ${path}`, { details: { path } });
  }
  const place = resolve(path);
  if (!/\.(ya?ml|json)$/i.test(place) || statSync(place).isDirectory()) {
    const config = parseCascade({
      models: [{ name: "model", run: place, rows }],
      users,
      items,
      stages: [{ name: "rank", model: "model" }],
    });
    return { name: addressable(basename(place)), folder: dirname(place), config };
  }
  if (rows !== undefined) {
    throw new ConfigError("--rows is for runs; a cascade says `rows` for each of its models", {
      details: { path },
    });
  }
  const tree = readConfigFile(path) as { readonly [key: string]: unknown };
  const config = parseCascade({ ...tree, ...(users && { users }), ...(items && { items }) });
  const name = config.name ?? addressable(basename(place).replace(/\.\w+$/, ""));
  return { name, folder: dirname(place), config };
}

function addressable(name: string): string {
  return name.replace(/[^\w.-]/g, "_").replace(/^[^A-Za-z0-9]+/, "") || "model";
}

/** A path of the configuration, from its folder. */
export function pathIn(folder: string, path: string): string {
  return isAbsolute(path) ? path : resolve(folder, path);
}
