/**
 * Folders import only from rows above them, browser folders never reach Node, and onnxruntime enters
 * through `engine` alone. The table is the architecture: docs/architecture.md shows the same one.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** What each folder may import, `core` and itself always included. */
const mayImport: { readonly [folder: string]: readonly string[] } = {
  core: [],
  onnx: [],
  numerics: [],
  tensor: [],
  ops: ["tensor"],
  autodiff: ["tensor", "ops"],
  compile: ["onnx", "tensor", "autodiff"],
  engine: ["onnx", "tensor", "compile"],
  schema: [],
  data: ["schema"],
  world: ["schema", "data", "evaluation"],
  module: ["tensor", "ops", "schema"],
  embeddings: ["tensor", "ops", "module", "schema"],
  layers: ["tensor", "ops", "autodiff", "module", "numerics"],
  models: ["schema", "tensor", "ops", "module", "embeddings", "layers"],
  losses: ["tensor", "ops", "layers"],
  evaluation: ["schema"],
  training: [
    "onnx",
    "tensor",
    "ops",
    "autodiff",
    "compile",
    "engine",
    "schema",
    "data",
    "module",
    "embeddings",
    "layers",
    "losses",
    "evaluation",
  ],
  run: [
    "onnx",
    "engine",
    "schema",
    "data",
    "module",
    "embeddings",
    "models",
    "training",
    "evaluation",
    "numerics",
  ],
  retrieval: [
    "onnx",
    "tensor",
    "ops",
    "compile",
    "engine",
    "schema",
    "data",
    "module",
    "embeddings",
    "layers",
    "training",
    "evaluation",
    "run",
  ],
  serving: ["onnx", "engine", "schema", "data", "module", "evaluation", "run", "retrieval"],
  analysis: [
    "onnx",
    "numerics",
    "tensor",
    "ops",
    "autodiff",
    "compile",
    "engine",
    "schema",
    "data",
    "module",
    "embeddings",
    "models",
    "losses",
    "evaluation",
    "training",
    "run",
  ],
  report: ["analysis", "engine", "run", "retrieval", "data", "evaluation", "numerics", "schema", "training"],
  browser: ["engine", "schema", "module", "embeddings", "evaluation", "training"],
  bench: ["engine", "schema", "data", "models", "training", "run"],
  recipes: [
    "onnx",
    "numerics",
    "tensor",
    "ops",
    "engine",
    "schema",
    "data",
    "world",
    "module",
    "embeddings",
    "layers",
    "models",
    "losses",
    "evaluation",
    "training",
    "run",
    "retrieval",
    "serving",
    "analysis",
    "report",
  ],
  studio: ["engine", "schema", "data", "numerics", "evaluation", "run", "retrieval", "serving", "report"],
  cli: [
    "onnx",
    "numerics",
    "engine",
    "schema",
    "data",
    "world",
    "module",
    "models",
    "evaluation",
    "training",
    "run",
    "retrieval",
    "analysis",
    "bench",
    "serving",
    "recipes",
    "report",
    "browser",
    "studio",
  ],
};

/** Folders that run in browsers, apart from files under a `node/` folder. */
const browserFolders = [
  "core",
  "onnx",
  "numerics",
  "tensor",
  "ops",
  "autodiff",
  "compile",
  "engine",
  "schema",
  "module",
  "embeddings",
  "layers",
  "models",
  "losses",
  "evaluation",
  "training",
  "browser",
];

const source = fileURLToPath(new URL("../../src", import.meta.url));

interface Import {
  readonly file: string;
  readonly specifier: string;
}

function sourceFiles(): string[] {
  return readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
    (path) =>
      path.endsWith(".ts") && !/\.(test|test-d)\.ts$/.test(path) && !path.includes("kernels/assembly/"),
  );
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(source, file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  return [...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^;'"]*?(?:from\s*)?["']([^"']+)["']/g)].map(
    ([, specifier]) => ({
      file,
      specifier,
    }),
  );
}

/** The file an import names, relative to `src`; undefined for packages. */
function target({ file, specifier }: Import): string | undefined {
  return specifier.startsWith(".") ? normalize(join(dirname(file), specifier)) : undefined;
}

const imports = sourceFiles().flatMap(importsOf);
const folderOf = (path: string): string => path.split("/")[0];

test("every folder of src is in the table", () => {
  const folders = new Set(
    sourceFiles()
      .filter((path) => path.includes("/"))
      .map(folderOf),
  );
  expect([...folders].filter((folder) => mayImport[folder] === undefined)).toEqual([]);
});

test("imports point down the table", () => {
  const wrong = imports.filter((entry) => {
    const path = target(entry);
    const from = folderOf(entry.file);
    if (path === undefined || !entry.file.includes("/")) return false;
    const to = folderOf(path);
    return to !== from && to !== "core" && !mayImport[from].includes(to);
  });
  expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
});

test("another folder is entered through its index", () => {
  const wrong = imports.filter((entry) => {
    const path = target(entry);
    if (path === undefined || folderOf(path) === folderOf(entry.file)) return false;
    return !/(^|\/)index\.ts$/.test(path);
  });
  expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
});

test("onnxruntime enters through engine alone", () => {
  const wrong = imports.filter(
    ({ file, specifier }) => specifier.startsWith("onnxruntime") && folderOf(file) !== "engine",
  );
  expect(wrong).toEqual([]);
});

test("what browsers load reaches no node: module", () => {
  const byFile = new Map<string, string[]>();
  for (const entry of imports) byFile.set(entry.file, [...(byFile.get(entry.file) ?? []), entry.specifier]);
  const wrong: string[] = [];
  for (const folder of browserFolders) {
    const pending = [join(folder, "index.ts")];
    const seen = new Set<string>();
    for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      for (const specifier of byFile.get(file) ?? []) {
        if (specifier.startsWith("node:")) wrong.push(`${folder}: ${file} imports ${specifier}`);
        const next = target({ file, specifier });
        if (next !== undefined) pending.push(next);
      }
    }
  }
  expect(wrong).toEqual([]);
});
