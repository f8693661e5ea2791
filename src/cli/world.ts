/** `millrace world`: a generated ads marketplace, with a configuration to train on it. */
import { join, relative, resolve } from "node:path";
import { stringify } from "yaml";
import { mapKeysDeep, toCamelCase, toSnakeCase } from "../core/index.ts";
import { writeFileAtomic } from "../core/node/index.ts";
import { configError } from "../data/index.ts";
import { parseSetting } from "../run/index.ts";
import {
  exampleConfig,
  generateWorld,
  type WorldManifest,
  type WorldOptions,
  worldOptionsSchema,
} from "../world/index.ts";
import type { Outcome } from "./outcome.ts";
import type { Shell } from "./shell.ts";
import { startingSections } from "./starting-sections.ts";
import { count, textTable } from "./text-table.ts";
import { collect, verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly out: string;
  readonly set?: readonly string[];
  readonly impressions?: string;
  readonly users?: string;
  readonly items?: string;
  readonly seed?: string;
  readonly history?: boolean;
}

export const worldVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "world",
    description:
      "Generates, from a seed, an ads marketplace with the true probability of every label beside the " +
      "label, so that a model's distance to the best possible is known. Writes train, valid and test " +
      "splits as Parquet and a config.yaml to train on them. The same options give the same bytes.",
    examples: [
      ["millrace world --out world", "a million impressions of 20,000 users"],
      ["millrace world --out small --impressions 50000 --users 2000", "a small one, in a second"],
      ["millrace world --out world --set like_agreement=0 drift=0.1", "turn dials"],
      ["millrace train world/config.yaml", "train on it"],
    ],
  })
    .requiredOption("-o, --out <dir>", "where it is written")
    .option("--impressions <n>", "rows over all splits, a multiple of ten")
    .option("--users <n>", "number of users")
    .option("--items <n>", "number of items")
    .option("--seed <n>", "seed of every random number")
    .option("--set <key=value>", "any option or dial (see below); may be repeated", collect)
    .option("--history", "let config.yaml use the users' click histories too")
    .addHelpText("after", () => `\nOptions and dials of --set:\n${dialTable()}`)
    .action(async (options: Options) => shell.finish(await makeWorld(shell, options)));

async function makeWorld(shell: Shell, options: Options): Promise<Outcome> {
  const { out, history } = options;
  const manifest = await generateWorld(worldOptions(options), out, {
    onProgress: ({ phase, what, done }) =>
      shell.progress.update({ label: phase === "simulate" ? "simulating" : "writing", done, note: what }),
  });
  const configPath = join(out, "config.yaml");
  writeFileAtomic(configPath, worldConfig(out, manifest, history === true));
  return {
    json: { directory: resolve(out), config: configPath, ...manifest },
    text: `${worldText(manifest)}\n\nWrote ${out} with ${configPath}. Next: millrace train ${configPath}`,
  };
}

/** Options in camelCase, from `--set` and the flags; flags win. */
function worldOptions({ set = [], impressions, users, items, seed }: Options): WorldOptions {
  const given: { [key: string]: unknown } = {};
  for (const setting of set) {
    const { keys, value } = parseSetting(setting, "like_agreement=0.2");
    given[toCamelCase(keys.join("."))] = value;
  }
  for (const [key, text] of Object.entries({ impressions, users, items, seed })) {
    if (text === undefined) continue;
    const number = Number(text.replaceAll("_", ""));
    given[key] = Number.isNaN(number) ? text : number;
  }
  const parsed = worldOptionsSchema.safeParse(given);
  if (!parsed.success) throw configError(worldOptionsSchema, parsed.error, given);
  return parsed.data;
}

/** The example configuration as a file in the world's own folder. */
function worldConfig(directory: string, { splits }: WorldManifest, history: boolean): string {
  const config = exampleConfig(directory, { features: history ? "history" : "fields" });
  const place = (file: unknown): unknown => (typeof file === "string" ? relative(directory, file) : file);
  const { train, valid, test, ...data } = config.data;
  const placed = {
    ...config,
    data: { train: place(train), valid: place(valid), test: place(test), ...data },
  };
  const sections = startingSections(history ? "DIN" : "DCNv2", splits.train.oracle.rows);
  const head =
    "# Made by `millrace world`. The true_ columns are carried along for the oracle's figures and seen by no model.\n";
  return (
    head + stringify({ ...(mapKeysDeep(placed, toSnakeCase) as object), ...sections }, { lineWidth: 110 })
  );
}

function worldText({ options, splits, rates, domainClickRates }: WorldManifest): string {
  const rows = Object.entries(splits).map(([name, { firstDay, endDay, oracle }]) => [
    name,
    `${firstDay} to ${endDay - 1}`,
    count(oracle.rows),
    oracle.clickRate.toFixed(4),
    oracle.auc?.toFixed(4) ?? "–",
    oracle.logLoss.toFixed(4),
    oracle.calibrationRatio?.toFixed(3) ?? "–",
  ]);
  const share = (value: number): string => `${(100 * value).toFixed(2)} %`;
  return [
    `${count(options.impressions)} impressions of ${count(options.items)} items to ${count(options.users)} users, seed ${options.seed}`,
    "",
    textTable([
      ["split", "days", "rows", "click rate", "oracle AUC", "oracle log loss", "calibration"],
      ...rows,
    ]),
    "",
    `rates: ${Object.entries(rates)
      .map(([label, rate]) => `${label} ${share(rate)}`)
      .join(", ")}; clicks by feed: ${domainClickRates.map(share).join(", ")}`,
  ].join("\n");
}

/** Every option with its default and what it does. */
function dialTable(): string {
  const defaults = worldOptionsSchema.parse({}) as { [key: string]: unknown };
  return Object.entries(worldOptionsSchema.shape)
    .map(([key, schema]) => {
      const name = `${toSnakeCase(key)}=${JSON.stringify(defaults[key])}`;
      return `  ${name.padEnd(36)} ${schema.description ?? ""}`;
    })
    .join("\n");
}
