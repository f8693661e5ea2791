/** `key=value` settings, as the command line's `--set` takes them. */
import { parse as parseYaml } from "yaml";
import { ConfigError } from "../core/index.ts";

export interface ParsedSetting {
  /** `features.0.min_count` as `features`, `0`, `min_count`. */
  readonly keys: readonly string[];
  /** Read as YAML: `0.01`, `[64, 32]`, `{ by: time }`. */
  readonly value: unknown;
}

/**
 * @param example shown when there is nothing to be read
 * @throws ConfigError for text without a key and `=`, and for a value that is no YAML
 */
export function parseSetting(setting: string, example = "training.learning_rate=0.01"): ParsedSetting {
  const at = setting.indexOf("=");
  if (at <= 0) {
    throw new ConfigError(`--set takes key=value, not "${setting}"`, {
      details: { setting },
      hint: `for example --set ${example}`,
    });
  }
  const key = setting.slice(0, at);
  const text = setting.slice(at + 1);
  try {
    return { keys: key.split("."), value: parseYaml(text) };
  } catch (cause) {
    // Behind its first line the parser draws a picture of the place.
    const [sentence] = (cause as Error).message.split("\n");
    throw new ConfigError(`--set ${key}: ${JSON.stringify(text)} is no YAML: ${sentence.replace(/:$/, "")}`, {
      details: { key, received: text },
      hint: "text with : [ ] { } , # in it stands in quotes of its own, such as --set 'key=\"a: b\"'",
      cause,
    });
  }
}

/** Puts a setting into a configuration as it was written. @throws ConfigError also for a list's entry that is not there */
export function applySetting(tree: { [key: string]: unknown }, setting: string): void {
  const { keys, value } = parseSetting(setting);
  let node: { [key: string]: unknown } = tree;
  for (const [k, key] of keys.entries()) {
    checkKey(node, keys, k);
    if (k === keys.length - 1) {
      node[key] = value;
      return;
    }
    if (!Object.hasOwn(node, key) || typeof node[key] !== "object" || node[key] === null) node[key] = {};
    node = node[key] as { [key: string]: unknown };
  }
}

function checkKey(node: object, keys: readonly string[], k: number): void {
  const key = keys[k];
  const path = keys.slice(0, k).join(".");
  if (Array.isArray(node)) {
    // The place behind the last entry adds one.
    if (/^\d+$/.test(key) && Number(key) <= node.length) return;
    throw new ConfigError(`--set ${keys.join(".")}: the list ${path} has no entry ${key}`, {
      details: { key: keys.join("."), expected: `0 to ${node.length}`, received: key },
      hint: `it has ${node.length} entries, counted from 0; ${node.length} adds one`,
    });
  }
  if (key !== "" && key !== "__proto__") return;
  throw new ConfigError(`--set ${keys.join(".")}: ${key === "" ? "an empty key" : key} is no key`, {
    details: { key: keys.join("."), received: key },
  });
}
