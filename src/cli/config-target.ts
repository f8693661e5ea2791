/** What a CONFIG|FILE argument names: a configuration, a run to go on with, or bare data to inspect. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { ConfigError, toCamelCase, toSnakeCase } from "../core/index.ts";
import { type ChangeConfig, modelNamed, runFiles } from "../run/index.ts";

export type TargetKind = "config" | "run" | "data";

export function targetKind(path: string): TargetKind {
  if (existsSync(path) && statSync(path).isDirectory()) {
    if (existsSync(join(path, runFiles.config))) return "run";
    throw new ConfigError(`${path} is a directory without ${runFiles.config}`, {
      details: { path },
      hint: "name a configuration, a data file, or the directory of a run",
    });
  }
  const extension = extname(path).toLowerCase();
  if (extension === ".yaml" || extension === ".yml") return "config";
  return extension === ".json" && holdsConfig(path) ? "config" : "data";
}

/** A `.json` file may be either: a configuration has a `data` section. */
function holdsConfig(path: string): boolean {
  if (!existsSync(path)) return true;
  try {
    const content: unknown = parseYaml(readFileSync(path, "utf8"));
    return content !== null && typeof content === "object" && "data" in content;
  } catch {
    return false;
  }
}

/** `clicks` for `data/clicks.csv.gz`, `world` for `world/config.yaml`. */
export function targetName(path: string): string {
  const name = basename(path).replace(/(\.[a-z0-9]{1,8})+$/i, "");
  const own = name === "config" || name.includes("*") ? basename(dirname(resolve(path))) : name;
  return own.replace(/[^\w.-]+/g, "-") || "run";
}

/** `--model` and `--label` on a configuration as it was written. */
export function overrides({
  model,
  label,
}: {
  readonly model?: string;
  readonly label?: string;
}): ChangeConfig {
  return (content) => {
    if (model !== undefined) content.model = otherModel(content.model, model);
    if (label !== undefined) content.labels = [oneLabel(content.labels, label)];
  };
}

/** Options that the other model has too stay; the rest of the first one's go. */
function otherModel(section: unknown, wanted: string): object {
  const { name, options } = modelNamed(wanted);
  const given = section !== null && typeof section === "object" ? section : {};
  const known = new Set(Object.keys(options.shape).flatMap((key) => [key, toSnakeCase(key)]));
  return {
    ...Object.fromEntries(Object.entries(given).filter(([key]) => known.has(toCamelCase(key)))),
    name,
  };
}

function oneLabel(labels: unknown, wanted: string): object {
  const known: { name?: unknown }[] = Array.isArray(labels) ? labels : [];
  const found = known.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  if (/[<>=]/.test(wanted)) {
    throw new ConfigError(`--label ${wanted}: a comparison is for bare data files`, {
      details: { label: wanted },
      hint: "in a configuration, give the label a column and a threshold",
    });
  }
  return { name: wanted };
}
