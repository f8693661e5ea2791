/** What the configurations of several runs do not have in common. */
import { keysToSnakeCase } from "../run/index.ts";
import { differingKeys, flatSettings } from "./flat-settings.ts";
import type { ReportDifferences } from "./report-input.ts";

export function differencesOf(
  runs: readonly { readonly name: string; readonly run: { readonly config: unknown } }[],
): ReportDifferences {
  const all = runs.map(({ run }) => flatSettings(keysToSnakeCase(run.config)));
  return {
    models: runs.map(({ name }) => name),
    settings: differingKeys(all).map((key) => ({ key, values: all.map((own) => own.get(key) ?? null) })),
    total: new Set(all.flatMap((own) => [...own.keys()])).size,
  };
}
