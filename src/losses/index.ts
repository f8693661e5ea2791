export { binaryCrossEntropy } from "./binary-cross-entropy.ts";
