/** Every model of the catalogue: the class, its description, its options. A new model is one line here. */
export { lr, LR } from "./lr.ts";
export { fm, FM, type FMOptions } from "./fm.ts";
export { deepFM, DeepFM, type DeepFMOptions } from "./deep-fm.ts";
export { dcnV2, DCNv2, type DCNv2Options } from "./dcn-v2.ts";
export { finalMLP, FinalMLP, type FinalMLPOptions } from "./final-mlp.ts";
export { din, DIN, type DINOptions } from "./din.ts";
export { ffm, FFM, type FFMOptions } from "./ffm.ts";
export { fwFM, FwFM, type FwFMOptions } from "./fw-fm.ts";
export { fmFM, FmFM, type FmFMOptions } from "./fm-fm.ts";
export { nfm, NFM, type NFMOptions } from "./nfm.ts";
export { afm, AFM, type AFMOptions } from "./afm.ts";
export { wideDeep, WideDeep, type WideDeepOptions } from "./wide-deep.ts";
export { pnn, PNN, type PNNOptions } from "./pnn.ts";
export { dcn, DCN, type DCNOptions } from "./dcn.ts";
export { dcnMix, DCNMix, type DCNMixOptions } from "./dcn-mix.ts";
export { xDeepFM, XDeepFM, type XDeepFMOptions } from "./x-deep-fm.ts";
