/** `manifest.json`: what a world directory holds and how it came to be. */
import { join } from "node:path";
import { z } from "zod";
import { DataError } from "../core/index.ts";
import { readJson } from "../core/node/index.ts";
import { worldOptionsSchema } from "./options.ts";

export const splitNames = ["train", "valid", "test"] as const;
export type SplitName = (typeof splitNames)[number];

const figures = z.object({
  rows: z.int(),
  clickRate: z.number(),
  calibrationRatio: z.number().nullable(),
  auc: z.number().nullable(),
  logLoss: z.number(),
});

const split = z.object({
  file: z.string(),
  firstDay: z.int(),
  endDay: z.int().describe("First day after the split."),
  requests: z.int(),
  oracle: figures.describe("AUC and log loss of true_click on this split's clicks."),
});

const worldManifestSchema = z.object({
  format: z.literal("millrace-world"),
  version: z.int().describe("Version of the law."),
  options: worldOptionsSchema.describe("Every option and dial, defaults filled in."),
  splits: z.object({ train: split, valid: split, test: split }),
  sidecars: z.record(z.string(), z.object({ file: z.string(), rows: z.int() })),
  columns: z.array(z.string()).describe("Columns of the splits, in order."),
  hashes: z.record(z.string(), z.string()).describe("SHA-256 of the generated values, part by part."),
  rates: z.record(z.string(), z.number()).describe("Mean of each label over all splits."),
  domainClickRates: z.array(z.number()),
});

export type WorldManifest = z.infer<typeof worldManifestSchema>;
export type WorldSplit = WorldManifest["splits"]["train"];

export const manifestFile = "manifest.json";

/**
 * Reads the manifest of a world directory.
 *
 * @throws DataError when the directory holds none, or one that is not ours
 */
export function readWorldManifest(directory: string): WorldManifest {
  const path = join(directory, manifestFile);
  let content: unknown;
  try {
    content = readJson(path);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`${directory} holds no world: cannot read ${path}`, {
      details: { path },
      hint: "make one with: millrace world --out DIR",
      cause,
    });
  }
  const parsed = worldManifestSchema.safeParse(content);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new DataError(`${path} is not a world's manifest: ${problems.join("; ")}`, {
      details: { path, problems },
      cause: parsed.error,
    });
  }
  return parsed.data;
}
