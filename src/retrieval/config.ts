/**
 * The configuration of a retrieval run: interactions or a log, the model, its objective, training. Files have
 * snake_case keys, as everywhere.
 */
import { dirname, isAbsolute, join, resolve } from "node:path";
import { z } from "zod";
import { configError, dataConfigShape } from "../data/index.ts";
import { readConfigFile, withDataPaths } from "../run/index.ts";
import { interactionFeatures } from "./interaction-schema.ts";
import { retrievalModelNamed } from "./models/catalogue.ts";
import { objectiveOptions } from "./objective.ts";
import { retrievalTrainingOptions } from "./train-retrieval.ts";

const interactions = z
  .strictObject({
    train: z.string().describe("text file, plain or gzipped"),
    test: z.string().optional().describe("held-out items of the same users, for the split `given`"),
    form: z
      .enum(["lists", "pairs"])
      .default("lists")
      .describe("a line is `user item item …`, or one pair `user item`"),
    split: z
      .enum(["leave_one_out", "given"])
      .default("leave_one_out")
      .describe("each user's last item tests and the one before validates, or `test` is a file of its own"),
    validShare: z
      .number()
      .min(0)
      .lt(1)
      .default(0.1)
      .describe("split `given`: share of each user's training items to validate on; 0: train on all"),
    splitSeed: z.number().int().nonnegative().default(1).describe("which items validate"),
    historyLength: z.number().int().positive().default(50).describe("items of a history that count"),
    history: z
      .enum(["others", "whole"])
      .optional()
      .describe(
        "what pairs are learned from: the user's other items (default), or all of them, the item that is asked for, too",
      ),
  })
  .describe("users and the items they took, as plain text");

export const retrievalConfigShape = {
  task: z.literal("retrieval"),
  interactions: interactions.optional(),
  log: z
    .strictObject(dataConfigShape)
    .optional()
    .describe(
      "rows with features, as `millrace train` reads them; rows whose first label is positive are learned from",
    ),
  userFeature: z
    .string()
    .default(interactionFeatures.user)
    .describe("categorical feature that names the user"),
  itemFeature: z
    .string()
    .default(interactionFeatures.item)
    .describe("categorical feature that names the item"),
  model: z
    .looseObject({ name: z.string().describe("MF, TwoTower, SASRec, GRU4Rec or HSTU") })
    .describe("the model and its options"),
  objective: objectiveOptions.prefault({ name: "softmax" }),
  batchSize: z
    .number()
    .int()
    .positive()
    .default(2048)
    .describe("pairs of one step; for next-item models rows of packed sequences"),
  windows: z
    .enum(["all", "last"])
    .default("all")
    .describe("next-item models: learn from every window of a long history, or the most recent"),
  training: retrievalTrainingOptions.prefault({}).describe("optimizer and loop"),
};

const schema = z.strictObject(retrievalConfigShape);

export type RetrievalConfigInput = z.input<typeof schema>;
export type RetrievalConfig = z.output<typeof schema>;

/**
 * Checks a configuration (camelCase keys), the model's options included, and fills in defaults.
 *
 * @throws ConfigError naming the key that is wrong
 */
export function parseRetrievalConfig(input: unknown): RetrievalConfig {
  const result = schema.safeParse(input);
  if (!result.success) throw configError(schema, result.error, input);
  const config = result.data;
  const sources = Number(config.interactions !== undefined) + Number(config.log !== undefined);
  if (sources !== 1) {
    const issue = {
      code: "custom" as const,
      path: [sources === 0 ? "interactions" : "log"],
      message: "a retrieval run needs either `interactions` or `log`",
      input,
    };
    throw configError(schema, new z.ZodError([issue]), input);
  }
  const { name, ...options } = config.model;
  const { name: canonical, options: optionsSchema } = retrievalModelNamed(name);
  const model = z.strictObject({ name: z.string(), ...optionsSchema.shape });
  const checked = model.safeParse({ name: canonical, ...options });
  if (!checked.success) {
    const issues = checked.error.issues.map((issue) => ({ ...issue, path: ["model", ...issue.path] }));
    throw configError(z.strictObject({ ...retrievalConfigShape, model }), new z.ZodError(issues), input);
  }
  const { similarity, temperature } = checked.data as { similarity?: unknown; temperature?: unknown };
  if (config.objective.name === "cosine_contrastive" && !(similarity === "cosine" && temperature === 1)) {
    const issue = {
      code: "custom" as const,
      path: ["objective", "name"],
      message:
        "`cosine_contrastive` needs a model that scores by plain cosine: TwoTower with `similarity: cosine` and `temperature: 1`",
      input,
    };
    throw configError(schema, new z.ZodError([issue]), input);
  }
  return { ...config, model: checked.data };
}

/**
 * Reads a configuration file and applies `key=value` settings, as `readConfig` does for ranking runs. Paths of
 * data files are taken from the configuration's own folder.
 */
export function readRetrievalConfig(path: string, settings: readonly string[] = []): RetrievalConfig {
  const folder = dirname(resolve(path));
  const content = readConfigFile(path, settings) as { [key: string]: unknown };
  const place = (file: unknown): unknown =>
    typeof file === "string" && !isAbsolute(file) ? join(folder, file) : file;
  const { interactions: lists, log } = content;
  const isObject = (value: unknown): value is { [key: string]: unknown } =>
    typeof value === "object" && value !== null;
  return parseRetrievalConfig({
    ...content,
    ...(isObject(lists) && {
      interactions: {
        ...lists,
        train: place(lists.train),
        ...("test" in lists && { test: place(lists.test) }),
      },
    }),
    ...(isObject(log) && { log: withDataPaths(log, folder) }),
  });
}
