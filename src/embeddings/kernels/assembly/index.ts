// The module's exports. One instance serves one memory; `bind` comes first where it holds rows.
export { denseAdagrad, denseAdam, denseMomentum, denseSgd, denseSquares } from "./dense-passes";
export { group, indices } from "./group";
export { bind } from "./plan";
export { adagrad, adam, rowwiseAdagrad, sgd, squares } from "./row-passes";
