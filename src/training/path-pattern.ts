/**
 * Patterns that name parts of a model by path: `bottom` is everything below `bottom`, `experts.*.layers`
 * the layers of every expert; `*` stands for one step of a path.
 */
import { ConfigError, nearestName } from "../core/index.ts";

/** Whether `path` is the part that the pattern names, or lies below it. */
export function matchesPath(pattern: string, path: string): boolean {
  const wanted = pattern.split(".");
  const steps = path.split(".");
  return wanted.length <= steps.length && wanted.every((step, k) => step === "*" || step === steps[k]);
}

/**
 * Checks that every pattern names something.
 *
 * @param what the option, for the error
 * @throws ConfigError with the nearest path
 */
export function checkPatterns(what: string, patterns: readonly string[], paths: readonly string[]): void {
  for (const pattern of patterns) {
    if (paths.some((path) => matchesPath(pattern, path))) continue;
    const heads = [...new Set(paths.flatMap((path) => prefixes(path)))];
    const nearest = nearestName(pattern, heads);
    throw new ConfigError(`${what}: the model has nothing at "${pattern}"`, {
      details: { pattern, parts: [...new Set(paths.map((path) => path.split(".")[0]))] },
      hint:
        nearest === undefined
          ? `its parts are ${[...new Set(paths.map((path) => path.split(".")[0]))].join(", ")}`
          : `did you mean ${nearest}?`,
    });
  }
}

function prefixes(path: string): string[] {
  const steps = path.split(".");
  return steps.map((_, k) => steps.slice(0, k + 1).join("."));
}
