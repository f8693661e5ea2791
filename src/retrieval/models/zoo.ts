/** Every retrieval model: its class and its description. A new model is one line here. */
export { mf, MF, type MFOptions } from "./mf.ts";
export { twoTower, TwoTower, type TwoTowerOptions } from "./two-tower.ts";
export { sasrec, SASRec, type SASRecOptions } from "./sasrec.ts";
export { gru4rec, GRU4Rec, type GRU4RecOptions } from "./gru4rec.ts";
export { hstu, HSTU, type HSTUOptions } from "./hstu.ts";
