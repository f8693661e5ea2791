export { type CompiledGraph, type CompileOptions, compile, type LeafBinding } from "./compile.ts";
