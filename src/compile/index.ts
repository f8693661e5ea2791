export { type CompiledGraph, type CompileOptions, compile, type LeafBinding } from "./compile.ts";
export { countFlops } from "./count-flops.ts";
