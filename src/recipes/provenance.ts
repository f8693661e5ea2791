/** Where a result comes from: code, machine, configurations, cost. */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { hashKey } from "../core/index.ts";
import type { RecipeResult } from "../run/index.ts";
import type { Recipe } from "./recipe.ts";

type Provenance = Pick<
  RecipeResult,
  "system" | "recipe" | "claim" | "date" | "machine" | "codeCommit" | "configHash" | "cpuMinutes"
>;

/** What is read when a recipe begins: by its end the checkout may hold other code than that which runs. */
export interface Beginning {
  readonly cpu: NodeJS.CpuUsage;
  readonly codeCommit: string;
}

export function beginning(): Beginning {
  return { cpu: process.cpuUsage(), codeCommit: codeCommit() };
}

/** A configuration with the part that names data files, which differ from machine to machine. */
export interface Configured {
  readonly name: string;
  readonly config: { readonly data?: unknown; readonly interactions?: unknown };
}

/** Runs taken from an earlier sitting are not counted in the CPU minutes. */
export function provenance(recipe: Recipe, variants: readonly Configured[], began: Beginning): Provenance {
  const { user, system } = process.cpuUsage(began.cpu);
  return {
    system: recipe.system,
    recipe: recipe.name,
    claim: recipe.claim,
    date: new Date().toISOString(),
    machine: `${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}`,
    codeCommit: began.codeCommit,
    configHash: hashText(
      JSON.stringify(variants.map(({ name, config: { data, interactions, ...config } }) => [name, config])),
    ),
    cpuMinutes: rounded((user + system) / 6e7),
  };
}

export function hashText(text: string): string {
  return hashKey(text).toString(16).padStart(8, "0");
}

/** To a hundredth. */
export function rounded(minutes: number): number {
  return Math.round(minutes * 100) / 100;
}

/**
 * The commit of the code that runs, `+` where files differ from it; "unknown" outside a checkout of its own,
 * as in somebody's `node_modules`.
 */
function codeCommit(): string {
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    if (git("rev-parse", "--show-prefix") !== "") return "unknown";
    const changed = git("status", "--porcelain", "--untracked-files=no", "--", "src") !== "";
    return `${git("rev-parse", "--short=12", "HEAD")}${changed ? "+" : ""}`;
  } catch {
    return "unknown";
  }
}
