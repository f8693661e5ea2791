/** What a bundle says of its graphs, and the check of it: the file may come from anywhere. */
import { DataError } from "../../core/index.ts";
import type { FedRows } from "./device-batch.ts";
import type { DeviceParameter, DeviceTable } from "./device-graphs.ts";

/** What a device must know of the graphs. */
export interface DeviceManifest {
  /** Class of the model. */
  readonly model: string;
  /** Labels it predicts, the main one first. */
  readonly labels: readonly string[];
  /** Inputs that take rows of the tables below. */
  readonly rows: readonly FedRows[];
  /** Tables whose rows the device may change. */
  readonly tables: readonly DeviceTable[];
  /** Parameters that the device may change. */
  readonly parameters: readonly DeviceParameter[];
  /** Tensors that are the graphs' external data. */
  readonly shared: readonly string[];
}

type Kind = "text" | "number" | "boolean" | "list of sizes";

/** What each entry of a list holds; a plain kind where the entries are no objects. */
const lists: {
  readonly [Field in Exclude<keyof DeviceManifest, "model">]: Kind | { readonly [field: string]: Kind };
} = {
  labels: "text",
  rows: { input: "text", table: "text", column: "text", width: "number", dim: "number" },
  tables: { path: "text", rows: "number", dim: "number", padding: "boolean" },
  parameters: { path: "text", shape: "list of sizes", input: "text" },
  shared: "text",
};

const isKind: { readonly [K in Kind]: (value: unknown) => boolean } = {
  text: (value) => typeof value === "string",
  number: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  boolean: (value) => typeof value === "boolean",
  "list of sizes": (value) => Array.isArray(value) && value.every(isKind.number),
};

/**
 * @param content the manifest, parsed
 * @param source the file, for messages
 * @throws DataError naming the first field that is missing or of another kind
 */
export function checkManifest(content: unknown, source: string): DeviceManifest {
  const check = (field: string, value: unknown, kind: Kind): void => {
    if (!isKind[kind](value)) throw wrong(source, field, `a ${kind}`, value);
  };
  if (!isObject(content)) throw wrong(source, "", "an object", content);
  check("model", content.model, "text");
  for (const [field, kind] of Object.entries(lists)) {
    const entries = content[field];
    if (!Array.isArray(entries)) throw wrong(source, field, "a list", entries);
    for (const [k, entry] of entries.entries()) {
      const at = `${field}.${k}`;
      if (typeof kind === "string") check(at, entry, kind);
      else if (!isObject(entry)) throw wrong(source, at, "an object", entry);
      else for (const [name, own] of Object.entries(kind)) check(`${at}.${name}`, entry[name], own);
    }
  }
  const manifest = content as unknown as DeviceManifest;
  if (manifest.labels.length === 0) throw wrong(source, "labels", "at least one label", "none");
  return manifest;
}

function wrong(source: string, field: string, expected: string, value: unknown): DataError {
  const received = value === undefined ? "nothing" : JSON.stringify(value).slice(0, 80);
  const where = field === "" ? "its manifest" : `its manifest's ${field}`;
  return new DataError(`${source}: ${where} must be ${expected}; it is ${received}`, {
    details: { source, field, expected, received },
    hint: "export the run again: the file is not as it was written",
  });
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
