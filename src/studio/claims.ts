/** The methods' claims, each beside what recipes have measured of it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { listDirectory } from "../core/node/index.ts";
import { overallVerdict, readResult, type RecipeResult, systems } from "../run/index.ts";
import type { Claims } from "./api.ts";

/** @param directories the first that exists is read */
export function readClaims(directories: readonly string[]): Claims {
  const directory = directories.find((path) => existsSync(path));
  const results: RecipeResult[] = [];
  const broken: { file: string; reason: string }[] = [];
  for (const file of directory === undefined ? [] : listDirectory(directory)) {
    if (directory === undefined || !file.endsWith(".json")) continue;
    try {
      results.push(readResult(join(directory, file)));
    } catch (error) {
      broken.push({ file, reason: (error as Error).message });
    }
  }
  const ids = new Set(systems.map(({ id }) => id));
  return {
    claims: systems.map((system) => {
      const own = results.filter((result) => result.system === system.id);
      const verdict = own.length === 0 ? undefined : overallVerdict(own.map((result) => result.verdict));
      return { ...system, verdict, results: own };
    }),
    others: results.filter(({ system }) => !ids.has(system)),
    directory,
    broken,
  };
}
