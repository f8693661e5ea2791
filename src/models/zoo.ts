/** Every model of the catalogue: the class, its description, its options. A new model is one line here. */
export { lr, LR } from "./lr.ts";
export { fm, FM, type FMOptions } from "./fm.ts";
export { deepFM, DeepFM, type DeepFMOptions } from "./deep-fm.ts";
export { dcnV2, DCNv2, type DCNv2Options } from "./dcn-v2.ts";
export { finalMLP, FinalMLP, type FinalMLPOptions } from "./final-mlp.ts";
export { din, DIN, type DINOptions } from "./din.ts";
