/** The verbs: what `millrace --help` lists. A verb's own module is loaded only when it is called. */
import type { Command } from "commander";
import type { Shell } from "./shell.ts";

/** Makes a verb's command: arguments, options, help and what it does. */
export type DefineVerb = (shell: Shell) => Command;

export interface VerbEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<DefineVerb>;
}

export const verbs: readonly VerbEntry[] = [
  {
    name: "inspect",
    summary: "look at a data file and write a first configuration",
    load: async () => (await import("./inspect.ts")).inspectVerb,
  },
  {
    name: "validate",
    summary: "check a configuration and its data, with every problem found",
    load: async () => (await import("./validate.ts")).validateVerb,
  },
  {
    name: "world",
    summary: "generate an ads marketplace with known truth",
    load: async () => (await import("./world.ts")).worldVerb,
  },
  {
    name: "train",
    summary: "train a model from a configuration or a bare data file",
    load: async () => (await import("./train.ts")).trainVerb,
  },
  {
    name: "tune",
    summary: "find a learning rate, search settings, cross-validate",
    load: async () => (await import("./tune.ts")).tuneVerb,
  },
  {
    name: "evaluate",
    summary: "measure a trained model",
    load: async () => (await import("./evaluate.ts")).evaluateVerb,
  },
  {
    name: "calibrate",
    summary: "fit calibrators of a model's probabilities for a server",
    load: async () => (await import("./calibrate.ts")).calibrateVerb,
  },
  {
    name: "predict",
    summary: "write a trained model's predictions for a data file",
    load: async () => (await import("./predict.ts")).predictVerb,
  },
  {
    name: "export",
    summary: "write one ONNX file that any ONNX Runtime loads",
    load: async () => (await import("./export.ts")).exportVerb,
  },
  {
    name: "verify",
    summary: "compare what a server answers with what was trained",
    load: async () => (await import("./verify.ts")).verifyVerb,
  },
  {
    name: "serve",
    summary: "answer ranking requests over HTTP",
    load: async () => (await import("./serve.ts")).serveVerb,
  },
  {
    name: "index",
    summary: "build the item index of a retrieval run",
    load: async () => (await import("./index-run.ts")).indexVerb,
  },
  {
    name: "analyze",
    summary: "look inside a trained model, or at embeddings from elsewhere",
    load: async () => (await import("./analyze.ts")).analyzeVerb,
  },
  {
    name: "report",
    summary: "make one HTML page from one or several runs",
    load: async () => (await import("./report.ts")).reportVerb,
  },
  {
    name: "studio",
    summary: "look at a folder of runs in the browser",
    load: async () => (await import("./studio.ts")).studioVerb,
  },
  {
    name: "recipe",
    summary: "measure a published claim, or run the quickstart",
    load: async () => (await import("./recipe.ts")).recipeVerb,
  },
  {
    name: "bench",
    summary: "measure how fast this machine trains",
    load: async () => (await import("./bench.ts")).benchVerb,
  },
];
