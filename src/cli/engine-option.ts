import { Option } from "commander";
import { createEngine, type Engine } from "../engine/index.ts";
import type { Shell } from "./shell.ts";

export type EngineChoice = "auto" | "native" | "wasm";

export function engineOption(): Option {
  return new Option("--engine <name>", "which ONNX Runtime; auto is native where it is installed")
    .choices(["auto", "native", "wasm"])
    .default("auto");
}

/** The engine asked for; that "auto" had to take the slow one is said on stderr. */
export function openEngine(shell: Shell, choice: EngineChoice): Promise<Engine> {
  return createEngine(choice, { onNotice: (message) => shell.warn(message) });
}
