/**
 * Metric names as users write them: a family, and for families that end in `@k` a number (`ndcg@10`).
 * Case, hyphens and underscores do not count, so `logloss`, `LogLoss` and `log_loss` are one name.
 */
import { ConfigError, nearestName } from "../core/index.ts";

export interface ParsedMetricName<Family extends string> {
  readonly family: Family;
  /** Undefined for families without `@k`. */
  readonly k: number | undefined;
  /** The canonical spelling, which results carry. */
  readonly name: string;
}

/** @throws ConfigError when no family matches or `@k` is missing, not wanted or not a positive integer */
export function parseMetricName<Family extends string>(
  text: string,
  families: readonly Family[],
): ParsedMetricName<Family> {
  const [stem, cutoff] = text.trim().split("@");
  const wanted = normalized(cutoff === undefined ? stem : `${stem}@k`);
  const family = families.find((candidate) => normalized(candidate) === wanted);
  if (family === undefined) {
    throw new ConfigError(`no metric is called ${JSON.stringify(text)}; known: ${families.join(", ")}`, {
      details: { name: text, known: families },
      hint: nameHint(stem, families),
    });
  }
  if (cutoff === undefined) return { family, k: undefined, name: family };
  const k = Number(cutoff);
  if (!Number.isInteger(k) || k < 1) {
    throw new ConfigError(`${JSON.stringify(text)}: k must be a positive integer`, {
      details: { name: text },
      hint: `for example ${family.replace("@k", "@10")}`,
    });
  }
  return { family, k, name: family.replace("@k", `@${k}`) };
}

function nameHint(stem: string, families: readonly string[]): string | undefined {
  const stems = families.map((family) => family.replace("@k", ""));
  const exact = stems.findIndex((candidate) => normalized(candidate) === normalized(stem));
  if (exact !== -1) {
    const takesK = families[exact].endsWith("@k");
    return takesK ? `${stem} is written ${stems[exact]}@10` : `${stem} takes no @k`;
  }
  const near = nearestName(stem, stems);
  return near === undefined
    ? undefined
    : `did you mean ${families[stems.indexOf(near)].replace("@k", "@10")}?`;
}

function normalized(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, "");
}
