/** `millrace recipe`: measures a published claim over several seeds, or runs the quickstart. */
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, nearestName } from "../core/index.ts";
import { removePath } from "../core/node/index.ts";
import { type Recipe, recipeNamed, recipes } from "../recipes/index.ts";
import { type EngineChoice, engineOption, openEngine } from "./engine-option.ts";
import type { Outcome } from "./outcome.ts";
import { recipeText } from "./recipe-text.ts";
import type { Shell } from "./shell.ts";
import { textTable } from "./text-table.ts";
import { verbCommand } from "./verb-command.ts";
import type { DefineVerb } from "./verbs.ts";

interface Options {
  readonly quick?: boolean;
  readonly seeds?: string;
  readonly only?: string;
  readonly resume?: boolean;
  readonly missing?: boolean;
  readonly out: string;
  readonly data: string;
  readonly results: string;
  readonly engine: EngineChoice;
}

export const recipeVerb: DefineVerb = (shell) =>
  verbCommand({
    name: "recipe",
    description:
      "Runs a recipe: data, baseline and method, seeds, and a verdict computed from paired differences, " +
      "written to results/<recipe>.json. With --resume, what an interrupted call finished is kept.",
    examples: [
      ["millrace recipe list", "which recipes there are"],
      ["millrace recipe quickstart", "a generated world, three models, one report; about a minute"],
      ["millrace recipe bars-frappe --data ../shared/data", "a benchmark on public data"],
      ["millrace recipe bars-frappe --quick", "a short check; records nothing"],
      ["millrace recipe bars-frappe --only AutoInt,DLRM --seeds 1", "two models of it; records nothing"],
      ["millrace recipe bars-frappe --missing", "only what results/bars-frappe.json lacks, added to it"],
    ],
  })
    .argument("<name>", "a recipe, or `list`")
    .option("--quick", "a short version on little data; records nothing")
    .option("--seeds <n>", "how many seeds (default: the recipe's own)")
    .option(
      "--only <variants>",
      "run these variants alone, commas between; records nothing (unless --missing), keeps the runs",
    )
    .option("--resume", "keep what an earlier call has finished")
    .option("--missing", "keep the parts that the result file has, measure and add those that it lacks")
    .option("--out <dir>", "where its runs are kept", "runs")
    .option("--data <dir>", "where public data sets are", join("..", "shared", "data"))
    .option("--results <dir>", "where the result file goes", "results")
    .addOption(engineOption())
    .action(async (name: string, options: Options) =>
      shell.finish(name === "list" ? await listRecipes() : await runRecipe(shell, name, options)),
    );

async function listRecipes(): Promise<Outcome> {
  const all: Recipe[] = [];
  for (const { load } of recipes) all.push(await load());
  return {
    json: {
      recipes: all.map(({ name, system, summary, claim, defaultSeeds }) => ({
        name,
        system,
        summary,
        claim,
        defaultSeeds,
      })),
    },
    text: textTable([
      ["recipe", "system", ""],
      ...all.map(({ name, system, summary }) => [name, system, summary]),
    ]),
  };
}

async function runRecipe(shell: Shell, name: string, options: Options): Promise<Outcome> {
  const recipe = await recipeNamed(name);
  const workDirectory = join(options.out, options.quick ? `${name}-quick` : name);
  const signal = shell.untilInterrupted("stopping after this step; Ctrl-C again ends at once");
  const seeds = seedsOf(recipe, options.seeds);
  const only = onlyOf(recipe, options.only);
  if (options.missing && !recipe.inParts) {
    throw new ConfigError(`${name} is recorded whole, so that nothing can be added to it`, {
      details: { recipe: name },
      hint: "leave --missing out; --resume keeps what an interrupted call finished",
    });
  }
  if (options.quick && options.missing) {
    throw new ConfigError("--missing adds to what is recorded, and --quick records nothing", {
      hint: "leave one of them out",
    });
  }
  const engine = await openEngine(shell, options.engine);
  if (!options.resume) {
    const measuredAgain = only?.map((variant) => join(workDirectory, variant)) ?? [workDirectory];
    for (const directory of measuredAgain) setAside(shell, directory);
  }
  let conclusion: string | undefined;
  const result = await recipe.run({
    seeds,
    quick: options.quick === true,
    only,
    missing: options.missing === true,
    workDirectory,
    dataDirectory: options.data,
    resultsDirectory: options.results,
    engine,
    signal,
    onLine: (line) => shell.notice(line),
    onProgress: (progress) => shell.progress.update(progress),
    onConclusion: (text) => {
      conclusion = text;
    },
  });
  return {
    json: { recipe: name, quick: options.quick === true, workDirectory, result: result ?? null },
    text: conclusion ?? (result === undefined ? `${name}: done` : recipeText(result)),
  };
}

/** Without --resume everything is measured again; what an earlier call left is kept once, under another name. */
function setAside(shell: Shell, directory: string): void {
  if (!existsSync(directory)) return;
  const previous = `${directory}.previous`;
  removePath(previous);
  renameSync(directory, previous);
  shell.notice(`the earlier ${directory} is now ${previous}; --resume would have gone on with it`);
}

function onlyOf({ name, variants }: Recipe, wanted: string | undefined): readonly string[] | undefined {
  if (wanted === undefined) return undefined;
  if (variants === undefined) {
    throw new ConfigError(`the recipe ${name} has no variants that run alone`, {
      details: { recipe: name, only: wanted },
      hint: "leave --only out",
    });
  }
  const names = wanted.split(",").map((text) => text.trim());
  for (const given of names) {
    if (variants.includes(given)) continue;
    const near = nearestName(given, variants);
    throw new ConfigError(`the recipe ${name} has no variant ${given}`, {
      details: { only: given, known: variants },
      hint: near === undefined ? `it has ${variants.join(", ")}` : `did you mean ${near}?`,
    });
  }
  return names;
}

function seedsOf({ defaultSeeds }: Recipe, wanted: string | undefined): readonly number[] {
  if (wanted === undefined) return defaultSeeds;
  const number = Number(wanted);
  if (!Number.isInteger(number) || number < 1) {
    throw new ConfigError(`--seeds ${wanted}: expected a whole number from 1`, {
      details: { seeds: wanted },
    });
  }
  const [first = 0] = defaultSeeds;
  return Array.from({ length: number }, (_, k) => defaultSeeds[k] ?? first + k);
}
