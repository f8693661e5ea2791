/**
 * A recipe of several parts, one after the other. Its result is written after each of them and says which are
 * still to come, so that an interrupted recipe has recorded what it measured. Each part keeps where it came
 * from, so that a later call can add what is missing (`RecipeContext.missing`) without the runs of the others.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../core/index.ts";
import {
  readResult,
  recipeResult,
  type RecipeResult,
  type ResultComparison,
  type ResultPart,
  type ResultRow,
  writeResult,
} from "../run/index.ts";
import { beginning, type Configured, hashText, provenance, rounded } from "./provenance.ts";
import type { Recipe, RecipeContext } from "./recipe.ts";

export interface MeasuredPart {
  readonly rows: readonly ResultRow[];
  readonly comparisons: readonly ResultComparison[];
  /** What the part's configuration hash is of; the names tell what was chosen on validation. */
  readonly variants: readonly Configured[];
  /** About this part alone, for the result's note. */
  readonly remark?: string;
}

export interface PartsPlan<Part> {
  /** Asked for first, since preparing data counts as the recipe's work. */
  readonly parts: () => readonly Part[] | Promise<readonly Part[]>;
  /** Of each part another; it is what a later call knows a recorded part by. */
  readonly nameOf: (part: Part) => string;
  /** In front of all others, where it needs none of their data. @default none */
  readonly first?: { readonly name: string; readonly measure: () => Promise<MeasuredPart> };
  /** @param before rows of the parts in front of it */
  readonly measure: (part: Part, before: readonly ResultRow[]) => Promise<MeasuredPart>;
  /** What readers of the result should know of the parts that are measured. */
  readonly note: (variants: readonly string[], remarks: readonly string[]) => string;
}

/** A part as the result has it. */
interface RecordedPart {
  readonly part: ResultPart;
  readonly rows: readonly ResultRow[];
  readonly comparisons: readonly ResultComparison[];
}

/** @returns the result of all parts; undefined where there are none */
export async function recordParts<Part>(
  recipe: Recipe,
  plan: PartsPlan<Part>,
  context: RecipeContext,
): Promise<RecipeResult | undefined> {
  let began = beginning();
  const steps = await stepsOf(plan);
  const names = steps.map(({ name }) => name);
  const twice = names.find((name, k) => names.indexOf(name) !== k);
  if (twice !== undefined) throw new Error(`the recipe ${recipe.name} has two parts ${twice}`);

  const recorded = context.missing ? recordedParts(recipe, context) : new Map<string, RecordedPart>();
  for (const name of recorded.keys()) context.onLine(`${name}: kept as recorded`);
  // Parts that the recipe has no more, or not in this call, stay in front.
  const order = [...[...recorded.keys()].filter((name) => !names.includes(name)), ...names];
  const known = (names: readonly string[]): RecordedPart[] =>
    names.flatMap((name) => recorded.get(name) ?? []);
  const write = (): RecipeResult => {
    const all = known(order);
    const left = names.filter((name) => !recorded.has(name));
    const note = plan.note(
      all.flatMap(({ part }) => part.variants),
      all.flatMap(({ part }) => part.remark ?? []),
    );
    const result = recipeResult({
      ...provenance(recipe, [], began),
      configHash: hashText(all.map(({ part }) => part.configHash).join()),
      cpuMinutes: rounded(all.reduce((sum, { part }) => sum + (part.cpuMinutes ?? 0), 0)),
      rows: all.flatMap(({ rows }) => rows),
      comparisons: all.flatMap(({ comparisons }) => comparisons),
      parts: all.map(({ part }) => part),
      note: left.length === 0 ? note : `${note} Not measured yet: ${left.join(", ")}.`,
    });
    // Some of a recipe's parts alone are not its result, unless they are added to one.
    const alone = context.only !== undefined && context.missing !== true;
    writeResult(context.resultsDirectory, result, { quick: context.quick || alone });
    return result;
  };

  let result = recorded.size === 0 ? undefined : write();
  for (const { name, measure } of steps) {
    if (recorded.has(name)) continue;
    const before = known(order.slice(0, order.indexOf(name))).flatMap(({ rows }) => rows);
    const { rows, comparisons, variants, remark } = await measure(before);
    const { date, machine, codeCommit, configHash, cpuMinutes } = provenance(recipe, variants, began);
    const part: ResultPart = {
      name,
      rows: rows.length,
      comparisons: comparisons.length,
      date,
      machine,
      codeCommit,
      configHash,
      cpuMinutes,
      variants: variants.map((variant) => variant.name),
      ...(remark === undefined ? {} : { remark }),
    };
    began = { ...began, cpu: process.cpuUsage() };
    recorded.set(name, { part, rows, comparisons });
    result = write();
  }
  return result;
}

interface Step {
  readonly name: string;
  readonly measure: (before: readonly ResultRow[]) => Promise<MeasuredPart>;
}

async function stepsOf<Part>({ first, parts, nameOf, measure }: PartsPlan<Part>): Promise<Step[]> {
  const steps = (await parts()).map(
    (part): Step => ({ name: nameOf(part), measure: (before) => measure(part, before) }),
  );
  return first === undefined ? steps : [first, ...steps];
}

/**
 * The parts of the recipe's result file, with their rows and comparisons; none without one.
 *
 * @throws ConfigError where a result does not tell its parts apart: adding to it would lose it
 */
function recordedParts({ name }: Recipe, { resultsDirectory }: RecipeContext): Map<string, RecordedPart> {
  const path = join(resultsDirectory, `${name}.json`);
  const found = new Map<string, RecordedPart>();
  if (!existsSync(path)) return found;
  const { parts = [], rows, comparisons } = readResult(path);
  if (parts.reduce((sum, part) => sum + part.rows, 0) !== rows.length) {
    throw new ConfigError(`${path} does not say which rows are of which part; nothing can be added to it`, {
      details: { path },
      hint: "leave --missing out to measure everything again",
    });
  }
  let row = 0;
  let comparison = 0;
  for (const part of parts) {
    found.set(part.name, {
      part,
      rows: rows.slice(row, row + part.rows),
      comparisons: comparisons.slice(comparison, comparison + part.comparisons),
    });
    row += part.rows;
    comparison += part.comparisons;
  }
  return found;
}
